"""What a pod spec may not contain, one file per rule, named by its slug. Nothing is registered anywhere else."""
