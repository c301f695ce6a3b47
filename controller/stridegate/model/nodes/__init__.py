"""What a node is to a rule: questions that a rule asks of it, the answers it gets, and the verdict it reaches."""
