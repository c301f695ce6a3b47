"""What a cluster is to a rule: its objects by kind, what is known of its nodes, and who holds which rights."""
