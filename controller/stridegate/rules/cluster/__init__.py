"""What the cluster's objects may not say; every file declares RULES, several in each, since what they read is the same."""
