"""The product: every rule, one file each."""
