"""Alarms on the losses: not a number, diverging, spiking, no learning."""

import numpy as np

from art_jax.core.alarm_limits import LossAlarm, SampleAlarm
from art_jax.monitoring.alarms.rows import (
  Finding,
  Rows,
  Series,
  agree,
  matching,
  names,
  series,
)

# Parts of an objective, which may grow while the whole falls: left out.
_TERMS = r'loss/(kl|real|fake|penalty|r1|identity.*|adversarial.*)'


def objectives(rows: Rows) -> list[str]:
  """Return the losses that are minimized as a whole."""
  if names(rows, 'loss/total'):
    return ['loss/total']
  terms = set(names(rows, _TERMS))
  return [name for name in names(rows, r'loss/.*') if name not in terms]


def nan(rows: Rows) -> Finding | None:
  """Fire if a number of the last row is not finite."""
  last = rows[-1] if rows else {}
  for name, value in last.items():
    if not np.isfinite(value):
      return Finding('nan', int(last['step']), f'{name} is {value}')
  return None


def diverging(rows: Rows, limits: LossAlarm) -> Finding | None:
  """Fire if an objective grows far beyond its beginning and its lowest."""
  for name, loss in _long_enough(rows, objectives(rows), limits):
    size = np.abs(loss.values)
    began = float(np.median(size[: limits.rows]))
    now = float(np.median(size[-limits.rows :]))
    limit = (
      limits.unbounded * max(began, 1.0)
      if (loss.values < 0).any()
      else max(
        limits.growth * _lowest(size, limits.rows), limits.beginning * began
      )
    )
    if now > limit:
      return Finding(
        'diverging',
        int(loss.since(size > limit) if size[-1] > limit else loss.steps[-1]),
        f'{name} has grown to {now:.3g} (it began at {began:.3g})',
      )
  return None


def leaving(rows: Rows, limits: SampleAlarm) -> Finding | None:
  """Fire if the samples move away from the data, beyond gray pictures.

  Those of an untrained diffusion model are noise, and begin far away.
  """
  for name, kid in matching(rows, r'probe/kid/[^/]*'):
    gray, lowest = _gray(rows, name), np.minimum.accumulate(kid.values)
    before = np.concatenate([kid.values[:1], lowest[:-1]])
    holds = kid.values > limits.further * np.maximum(before, gray)
    if agree(holds, limits.probes):
      return Finding(
        'diverging',
        kid.since(holds),
        f'the samples are further from the data than gray pictures are ({name} '
        f'{kid.values[-1]:.3g}, of gray ones {gray:.3g})',
      )
  return None


def spiking(rows: Rows, limits: LossAlarm) -> Finding | None:
  """Fire if several of the last rows stand far above those around them."""
  for name, loss in _long_enough(rows, objectives(rows), limits):
    if (loss.values < 0).any():
      continue
    began = float(np.max(loss.values[: limits.rows]))
    recent = loss.values[-limits.rows :]
    usual = float(np.median(recent))
    high = recent > max(limits.spike * usual, limits.beginning * began)
    if high.sum() >= limits.spikes:
      return Finding(
        'spiking',
        int(loss.steps[-limits.rows :][high][0]),
        f'{name} jumped {high.sum()} times in {limits.rows} rows, up to '
        f'{recent.max():.3g} (it is usually {usual:.3g})',
      )
  return None


def no_learning(
  rows: Rows, limits: LossAlarm, samples: SampleAlarm
) -> Finding | None:
  """Fire if no loss moves, or the samples come no nearer to the data."""
  every = _long_enough(rows, names(rows, r'loss/.*'), limits)
  if every and all(_still(loss, limits) for _, loss in every):
    return Finding(
      'no_learning',
      int(every[0][1].steps[0]),
      f'no loss has moved by more than {limits.still:.0%} of itself',
    )
  for name, kid in matching(rows, r'probe/kid/[^/]*'):
    trained = len(kid) > samples.patience
    if trained and kid.steps[-1] - kid.steps[0] >= limits.still_steps:
      gray, best = _gray(rows, name), kid.values[1:].min()
      first, second = np.array_split(kid.values, [len(kid) // 2])
      still = second.min() > samples.improved * first.min()
      further = kid.values[1:].max() > samples.further * gray  # `leaving`
      if best > samples.improved * gray and still and not further:
        return Finding(
          'no_learning',
          int(kid.steps[0]),
          f'the samples are no nearer to the data than gray pictures are '
          f'({name} {best:.3g} at best, of gray ones {gray:.3g})',
        )
  return None


def _long_enough(
  rows: Rows, losses: list[str], limits: LossAlarm
) -> list[tuple[str, Series]]:
  """Return the losses that have a beginning and an end, by name."""
  every = [(name, series(rows, name)) for name in losses]
  return [(name, loss) for name, loss in every if len(loss) >= 2 * limits.rows]


def _gray(rows: Rows, name: str) -> float:
  """Return the KID of gray pictures, which an untrained network makes."""
  values = series(rows, name.replace('/kid/', '/kid_of_grey/')).values
  return float(values[0]) if len(values) else float('inf')


def _lowest(size: np.ndarray, window: int) -> float:
  """Return the lowest median of windows that lie side by side."""
  whole = size[: len(size) // window * window].reshape(-1, window)
  return float(np.median(whole, axis=1).min())


def _still(loss: Series, limits: LossAlarm) -> bool:
  if loss.steps[-1] - loss.steps[0] < limits.still_steps:
    return False
  began = np.median(loss.values[: limits.rows])
  now = np.median(loss.values[-limits.rows :])
  return bool(abs(now - began) <= limits.still * max(abs(began), abs(now)))
