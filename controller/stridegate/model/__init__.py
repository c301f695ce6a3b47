"""The vocabulary: what rules, policies, findings and pods are. Standard library only, no I/O, no clock, no environment."""
