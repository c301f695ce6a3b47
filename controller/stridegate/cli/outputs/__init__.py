"""The output formats of `stridegate check`, one file each: a result goes in, text comes out, and nothing is looked up."""
