"""What a node may not look like, one file per component; each declares RULES."""
