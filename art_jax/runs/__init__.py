"""The run folder: config, metrics, checkpoints, plots."""
