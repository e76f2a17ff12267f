"""What `--mode=NAME` does: one file per mode, with `run(flags)`."""
