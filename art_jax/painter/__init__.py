"""Pictures painted from a composition with the strokes of paintings."""
