"""Pictures and memory: refuse what cannot fit, explain it when it fails."""

import contextlib
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import jax

from art_jax import core
from art_jax.devices import memory

_GIB = 2**30
_CONTAINER = pathlib.Path('/sys/fs/cgroup/memory.max')


def available() -> int | None:
  """Return the bytes that the first device can hold; None if unknown."""
  device = jax.devices()[0]
  if device.platform == 'cpu':
    limits = [os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')]
    with contextlib.suppress(OSError, ValueError):  # that of a container
      limits.append(int(_CONTAINER.read_text()))
    return min(limits)
  return (device.memory_stats() or {}).get('bytes_limit')


def check(compiled: Any, size: int) -> None:
  """Raise UserError if a step on a picture of `size` pixels cannot fit."""
  limit, needed = available(), memory.of(compiled)['peak']
  if limit is not None and needed > limit:
    raise core.UserError(
      f'a picture of {size} pixels needs {needed / _GIB:.1f} GiB and the '
      f'device has {limit / _GIB:.1f}; {_REMEDY}'
    )


@contextlib.contextmanager
def explained(size: int) -> Iterator[None]:
  """Turn the device's complaint about memory into a UserError."""
  try:
    yield
  except jax.errors.JaxRuntimeError as error:
    if 'RESOURCE_EXHAUSTED' not in str(error):
      raise
    raise core.UserError(
      f'out of memory at {size} pixels; {_REMEDY}'
    ) from error


_REMEDY = (
  'pass --tile=512 (the memory of one tile, whatever the size), or a smaller '
  '--size'
)
