"""The command line: flags, and one file for each mode."""
