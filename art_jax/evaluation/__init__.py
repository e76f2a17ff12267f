"""Scores of a trained model, or of two folders of pictures."""
