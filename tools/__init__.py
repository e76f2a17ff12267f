"""Programs for developers of art_jax; run as `python -m tools.FOLDER.NAME`."""
