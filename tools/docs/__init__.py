"""The documentation: its site, and a run of the commands in it."""
