"""Judging a request to the API server: a review in, a verdict out. No I/O, no clock; the webhook serves it, the command line asks it."""
