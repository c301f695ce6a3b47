"""How a cluster stands, as `stridegate report` writes it: one file for each format."""
