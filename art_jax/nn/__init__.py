"""Network architectures: no loss, no optimiser, no input or output."""
