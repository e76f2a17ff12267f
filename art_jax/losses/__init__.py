"""Loss functions: pure, the paper's equation in each docstring."""
