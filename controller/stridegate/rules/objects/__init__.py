"""What requests about other things than pods may not ask, one file per rule, named by its slug. Nothing is registered anywhere else."""
