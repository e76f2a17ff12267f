"""Device memory: what a compiled step needs, what is free, what would fit."""

import pathlib
from typing import Any

from art_jax import core
from art_jax.devices import mesh


def of(compiled: Any) -> dict[str, int]:
  """Return the bytes that one device needs for a compiled function.

  Returns:
    arguments, outputs, reused (outputs that take the place of donated
    arguments), temporaries, and peak: their sum, what is reused counted once.
  """
  stats = compiled.memory_analysis()
  found = {
    'arguments': stats.argument_size_in_bytes,
    'outputs': stats.output_size_in_bytes,
    'reused': stats.alias_size_in_bytes,
    'temporaries': stats.temp_size_in_bytes,
  }
  found['peak'] = sum(found.values()) - 2 * found['reused']
  return found


def free(devices: mesh.Devices) -> int | None:
  """Return the bytes that are free on each device; None if it is unknown."""
  device = devices.local
  stats = device.memory_stats()
  if stats and 'bytes_limit' in stats:
    return stats['bytes_limit'] - stats['bytes_in_use']
  try:
    lines = pathlib.Path('/proc/meminfo').read_text().splitlines()
  except OSError:
    return None
  for line in lines:
    if line.startswith('MemAvailable:'):
      return 1024 * int(line.split()[1]) // devices.count
  return None


def check(
  rows: int, unit: int, needs: int, needs_half: int, available: int
) -> None:
  """Raise if a step does not fit.

  What it needs is taken as a part that stays and a part for every row, known
  from two batch sizes.

  Args:
    rows: of the batch.
    unit: batch sizes are multiples of it.
    needs: bytes for `rows`.
    needs_half: bytes for half of them, rounded up to a `unit`.
    available: bytes.

  Raises:
    core.UserError: naming the batch size that would fit.
  """
  if needs <= available:
    return
  half = half_batch(rows, unit)
  each = (needs - needs_half) / (rows - half) if rows > half else needs / rows
  fixed = needs - each * rows
  fits = int((available - fixed) / each) if each > 0 else 0
  fits -= fits % unit
  advice = (
    f'--set train.batch_size={fits} would fit'
    if fits >= unit
    else 'no batch fits: take a smaller data.size or a smaller network'
  )
  raise core.UserError(
    f'train.batch_size={rows} needs {needs / 2**20:,.0f} MiB on each device '
    f'and {available / 2**20:,.0f} MiB are free; {advice}'
  )


def half_batch(rows: int, unit: int) -> int:
  """Return half of a batch, rounded up to a multiple of `unit`."""
  return -(-rows // (2 * unit)) * unit
