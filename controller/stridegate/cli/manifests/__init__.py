"""Manifests as people keep them: files, folders and standard input, read as kubectl reads them, with the place of everything in them."""
