"""art_jax: the classic art-generation models as one JAX system."""

import importlib.metadata
from typing import Any

from art_jax.devices import xla_flags

xla_flags.set_flag()

try:
  __version__ = importlib.metadata.version('art_jax')
except importlib.metadata.PackageNotFoundError:  # A checkout, not installed.
  __version__ = '0.1.0'


def __getattr__(name: str) -> Any:
  # jax is imported on first use, so that `import art_jax` is quick and
  # devices can still be chosen after it.
  if name in ('load', 'Run'):
    from art_jax.inference import run

    return getattr(run, name)
  raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
