"""Experiments as data: find, change, write down and read back."""
