"""Ways to show what a model learned: one study a file, for any model."""
