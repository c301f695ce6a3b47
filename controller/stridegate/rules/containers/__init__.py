"""What a running container may not hold, by what the kernel says of it; each file declares RULES."""
