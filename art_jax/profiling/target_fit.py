"""The largest batch that fits a target, and what else would make a step fit."""

import dataclasses
import sys
from collections.abc import Callable, Mapping
from typing import Any

from art_jax import core
from art_jax.config import experiments
from art_jax.devices import memory, mesh
from art_jax.devices.targets import Target
from art_jax.profiling import target_step

_MOST = 4  # compilations of a search
_FULL = 0.95  # of the memory: a larger batch is not looked for


@dataclasses.dataclass(frozen=True)
class Line:
  """The memory of a step as a part that stays and a part for every row.

  Attributes:
    fixed: bytes.
    each: bytes a row.
  """

  fixed: float
  each: float

  def rows(self, limit: int, unit: int) -> int:
    """Return the most rows, a multiple of `unit`, within so many bytes."""
    if self.each <= 0:
      return 0
    return max(int((limit - self.fixed) / self.each), 0) // unit * unit


def line(peaks: Mapping[int, int]) -> Line:
  """Return the line through the bytes of two numbers of rows."""
  (few, low), (many, high) = sorted(peaks.items())
  each = (high - low) / (many - few)
  return Line(low - each * few, each)


def search(
  peak: Callable[[int], int], first: int, unit: int, limit: int
) -> tuple[int, dict[int, int]]:
  """Find the largest batch that fits: two measures, a line, a confirmation.

  Args:
    peak: batch -> bytes that it needs; it is called at most four times.
    first: a batch.
    unit: batches are multiples of it.
    limit: bytes.

  Returns:
    The largest batch that was measured and fits, 0 if none did; and the bytes
    of every batch that was measured.
  """
  second = memory.half_batch(first, unit) if first > unit else 2 * unit
  peaks = {batch: peak(batch) for batch in (first, second)}
  while len(peaks) < _MOST:
    fits = [batch for batch in peaks if peaks[batch] <= limit]
    best = max(fits, default=0)
    if len(peaks) > 2 and best and peaks[best] >= _FULL * limit:
      break
    # The two nearest to the limit tell most of what is there.
    near = sorted(peaks, key=lambda batch: abs(peaks[batch] - limit))[:2]
    proposed = line({b: peaks[b] for b in near}).rows(limit, unit)
    proposed = proposed or (2 * best if best == max(peaks) else unit)
    above = min((b for b in peaks if peaks[b] > limit), default=proposed + 1)
    while proposed >= above:
      proposed -= unit
    if proposed <= best:
      break
    peaks[proposed] = peak(proposed)
  fits = [batch for batch in peaks if peaks[batch] <= limit]
  return max(fits, default=0), peaks


def largest(
  experiment: core.Experiment,
  target: Target,
  devices: mesh.Devices,
  result: Mapping[str, Any],
) -> dict[str, Any]:
  """Return the largest batch that fits, compiling for a target.

  Args:
    experiment: that was compiled.
    target: for which it was.
    devices: of the target.
    result: of `target.measure`.

  Returns:
    'fit/batch_size', 0 if none was found that fits, and 'fit/tried': the bytes
    of each batch that was compiled.
  """
  train, limit = experiment.train, result['bytes/limit']

  def peak(batch: int) -> int:
    if batch == train.batch_size:
      return result['bytes/peak']
    changed = experiments.replace(experiment, {'train.batch_size': batch})
    program = target_step.compile_step(changed, target, devices)
    needed = program.memory['peak']
    print(
      f'train.batch_size={batch} needs {needed / 2**30:.2f} GiB',
      file=sys.stderr,
      flush=True,
    )
    # A compiler that refuses knows a limit that is a little lower.
    return needed if program.fits else max(needed, limit + 1)

  unit = devices.count * train.accumulate
  best, tried = search(peak, train.batch_size, unit, limit)
  return {'fit/batch_size': best, 'fit/tried': dict(sorted(tried.items()))}


def text(result: Mapping[str, Any]) -> str:
  """Return what `largest` found in one line."""
  best, tried = result['fit/batch_size'], result['fit/tried']
  each = ', '.join(f'{b}: {size / 2**30:.2f} GiB' for b, size in tried.items())
  found = (
    f'{best} is the largest batch found that fits'
    if best
    else ('no batch was found that fits')
  )
  return f'fit: {found}; compiled: {each}'


def require_fits(
  experiment: core.Experiment,
  target: Target,
  devices: mesh.Devices,
  result: Mapping[str, Any],
) -> None:
  """Raise unless a step fits; a smaller one is compiled to say what would.

  Args:
    experiment: that was compiled.
    target: for which it was.
    devices: of the target.
    result: of `target.measure`.

  Raises:
    core.UserError: naming the batch that fits, and the fields that help.
  """
  if result['fits']:
    return
  needed, limit = result['bytes/peak'], result['bytes/limit']
  state = result.get('bytes/state', 0)
  train = experiment.train
  unit = devices.count * train.accumulate
  half = memory.half_batch(train.batch_size, unit)
  rule = (
    f'--target={target.name}: train.batch_size={train.batch_size} needs '
    f'{needed / 2**20:,.0f} MiB on each device and a process gets '
    f'{limit / 2**20:,.0f} MiB there'
  )
  found = None
  if half < train.batch_size:
    changed = experiments.replace(experiment, {'train.batch_size': half})
    smaller = target_step.compile_step(changed, target, devices)
    found = line({train.batch_size: needed, half: smaller.memory['peak']})
    state = int(smaller.memory.get('state') or state)
  advice = _advice(experiment, devices, needed, limit, state, found)
  raise core.UserError(f'{rule}; {"; or ".join(advice)}')


def _advice(
  experiment: core.Experiment,
  devices: mesh.Devices,
  needed: int,
  limit: int,
  state: int,
  found: Line | None,
) -> list[str]:
  """Return the changes that would make a step fit, the surest first."""
  train, advice = experiment.train, []
  rows = train.batch_size
  fits = found.rows(limit, devices.count * train.accumulate) if found else 0
  if fits:
    advice.append(f'--set train.batch_size={fits} would fit')
  if (
    not train.shard_state and needed - state * (1 - 1 / devices.count) <= limit
  ):
    advice.append(
      '--set train.shard_state=True would (the state is split over the devices)'
    )
  slices = [
    k
    for k in range(train.accumulate + 1, rows // devices.count + 1)
    if rows % (k * devices.count) == 0
    and found
    and found.fixed + found.each * rows * train.accumulate / k <= limit
  ]
  if slices:
    advice.append(
      f'--set train.accumulate={slices[0]} may (the same update in slices)'
    )
  for path in experiments.differences(
    experiment, experiments.everywhere(experiment, {'remat': True})
  ):
    advice.append(f'--set {path}=True helps (activations are computed again)')
  return advice or [
    'no batch fits: take a smaller data.size, a smaller network or a target '
    'with more memory'
  ]
