"""Training algorithms: one file per family, each with init, step and render."""
