"""How fast a step is, what bounds it, and what a run will take."""
