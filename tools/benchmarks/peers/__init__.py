"""The same models in plain PyTorch, to compare with."""
