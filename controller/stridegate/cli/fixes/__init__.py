"""Mending manifests where they stand: from a changed object to the smallest edit of its text, and never half a file."""
