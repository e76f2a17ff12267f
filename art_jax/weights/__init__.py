"""Foreign weights: other codebases' files as our variables and back."""
