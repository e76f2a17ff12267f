"""The version of the package."""

import importlib.metadata

try:
  VERSION = importlib.metadata.version('art_jax')
except importlib.metadata.PackageNotFoundError:  # A checkout, not installed.
  VERSION = '0.1.0'
