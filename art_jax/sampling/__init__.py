"""Ways to look at what a model learned: one study a file, for any model."""
