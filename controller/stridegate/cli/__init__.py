"""The command line: commands, wiring and output. Only this room reads the environment."""
