"""Device memory: what a compiled step needs, what is free, what would fit."""

import contextlib
import math
import pathlib
from collections.abc import Iterator
from typing import Any

import jax
import psutil

from art_jax import core
from art_jax.devices import mesh

_GIB = 2**30
_CONTAINER = pathlib.Path('/sys/fs/cgroup/memory.max')
_REMEDY = (
  'pass --tile=512 (the memory of one tile, whatever the size), or a smaller '
  '--size'
)


def needs(compiled: Any) -> dict[str, int]:
  """Return the bytes that one device needs for a compiled function.

  Returns:
    arguments, outputs, reused (outputs that take the place of donated
    arguments), temporaries, and peak: their sum, what is reused counted once.
  """
  stats = compiled.memory_analysis()
  parts = {
    'arguments': stats.argument_size_in_bytes,
    'outputs': stats.output_size_in_bytes,
    'reused': stats.alias_size_in_bytes,
    'temporaries': stats.temp_size_in_bytes,
  }
  return parts | {'peak': sum(parts.values()) - 2 * parts['reused']}


def free(devices: mesh.Devices) -> int:
  """Return the bytes that are free on each device.

  Those of the host, shared by the devices, where a device does not tell.
  """
  stats = devices.local.memory_stats()
  return (
    stats['bytes_limit'] - stats['bytes_in_use']
    if stats and 'bytes_limit' in stats
    else psutil.virtual_memory().available // devices.count
  )


def total() -> int | None:
  """Return the bytes that the first device can hold; None if unknown."""
  device = jax.devices()[0]
  if device.platform != 'cpu':
    return (device.memory_stats() or {}).get('bytes_limit')
  limits = [psutil.virtual_memory().total]
  with contextlib.suppress(OSError, ValueError):  # that of a container
    limits.append(int(_CONTAINER.read_text('utf-8')))
  return min(limits)


def require_batch_fits(
  rows: int, unit: int, needed: int, needed_half: int, available: int
) -> None:
  """Raise if a step does not fit.

  What it needs is taken as a part that stays and a part for every row, known
  from two batch sizes.

  Args:
    rows: of the batch.
    unit: batch sizes are multiples of it.
    needed: bytes for `rows`.
    needed_half: bytes for half of them, rounded up to a `unit`.
    available: bytes.

  Raises:
    core.UserError: naming the batch size that would fit.
  """
  half = half_batch(rows, unit)
  each = (
    (needed - needed_half) / (rows - half) if rows > half else needed / rows
  )
  fixed = needed - each * rows
  fits = int((available - fixed) / each) // unit * unit if each > 0 else 0
  advice = (
    f'--set train.batch_size={fits} would fit'
    if fits >= unit
    else 'no batch fits: take a smaller data.size or a smaller network'
  )
  core.require(
    needed <= available,
    f'train.batch_size={rows} needs {needed / 2**20:,.0f} MiB on each device '
    f'and {available / 2**20:,.0f} MiB are free; {advice}',
  )


def half_batch(rows: int, unit: int) -> int:
  """Return half of a batch, rounded up to a multiple of `unit`."""
  return -(-rows // (2 * unit)) * unit


def require_picture_fits(compiled: Any, size: int) -> None:
  """Raise UserError if a step on a picture of `size` pixels cannot fit."""
  needed = needs(compiled)['peak']
  limit = total() or math.inf
  core.require(
    needed <= limit,
    f'a picture of {size} pixels needs {needed / _GIB:.1f} GiB and the '
    f'device has {limit / _GIB:.1f}; {_REMEDY}',
  )


@contextlib.contextmanager
def explain_exhausted(size: int) -> Iterator[None]:
  """Turn the device's complaint about memory into a UserError."""
  try:
    yield
  except jax.errors.JaxRuntimeError as error:
    if 'RESOURCE_EXHAUSTED' not in str(error):
      raise
    raise core.UserError(
      f'out of memory at {size} pixels; {_REMEDY}'
    ) from error
