"""Devices and processes: the mesh, memory, compilation flags and cache."""
