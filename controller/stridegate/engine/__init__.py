"""Pure functions from views, rules and policies to findings, decisions and patches. No I/O, no clock."""
