"""Comparisons of models and settings: tables and sheets of pictures."""
