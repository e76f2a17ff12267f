"""What `art_jax MODE` does: one file a mode, with `run(flags)`."""
