"""The runs worth naming: one file each, with experiment() and tiny()."""
