"""The documentation that follows from the catalogue: a page per rule, indexes, and the threat model with its proofs."""
