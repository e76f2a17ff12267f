"""Painting one picture in the style of another, by optimization."""
