"""art_jax: the classic art-generation models as one JAX system."""

from typing import Any

from art_jax.config import renamed
from art_jax.devices import xla_flags

renamed.install()
xla_flags.set_flag()


def __getattr__(name: str) -> Any:
  # jax is imported on first use, so that `import art_jax` is quick and
  # devices can still be chosen after it.
  if name == 'load_weights':
    from art_jax.inference import foreign

    return foreign.load_weights
  if name in ('load', 'Run'):
    from art_jax.inference import run

    return getattr(run, name)
  if name == '__version__':
    from art_jax.core.version import VERSION

    return VERSION
  raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
