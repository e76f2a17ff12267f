"""Pictures and videos as values: files, grids, color, motion."""
