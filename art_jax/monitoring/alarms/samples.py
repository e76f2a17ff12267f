"""Alarms on the samples of the probes: collapse, copies, checkerboards."""

import re

import numpy as np

from art_jax.core.alarm_limits import CollapseAlarm, SampleAlarm
from art_jax.monitoring.alarms.rows import (
  Finding,
  Rows,
  Series,
  agree,
  matching,
)

_FADING = 0.8  # a grid that fell below this share of itself goes on falling
_CLASS = re.compile(r'probe/diversity/[^/]*/class(\d+)')


def collapse(rows: Rows, limits: CollapseAlarm) -> Finding | None:
  """Fire if the samples, or those of some classes, are too much alike."""
  for name, diversity in matching(rows, r'probe/diversity/.*'):
    since = None if _CLASS.match(name) else _narrow(diversity, limits)
    if since is not None:
      return Finding(
        'collapse',
        since,
        f'samples{_direction(name)} lie {diversity.values[-1]:.2f} times as '
        f'far apart as pictures of the data ({name.split("/")[2]})',
      )
  for name, distinct in matching(rows, r'probe/distinct/.*'):
    holds = distinct.values < limits.distinct
    # An untrained network makes one picture too.
    if agree(holds, limits.probes * limits.patience):
      return Finding(
        'collapse',
        distinct.since(holds),
        f'the samples{_direction(name)} hold {distinct.values[-1]:.0%} as '
        f'many distinct pictures as the data ({name.split("/")[2]})',
      )
  return _classes(rows, limits)


def memorization(rows: Rows, limits: SampleAlarm) -> Finding | None:
  """Fire if many samples are copies of training pictures."""
  for name, share in matching(rows, r'probe/memorised/[^/]*'):
    holds = share.values > limits.memorized
    if agree(holds, limits.probes):
      return Finding(
        'memorization',
        share.since(holds),
        f'{share.values[-1]:.0%} of the samples are nearer to a training '
        'picture than training pictures are to each other '
        f'({name.split("/")[2]})',
      )
  return None


def checkerboard(rows: Rows, limits: SampleAlarm) -> Finding | None:
  """Fire if the grid of the upsampling stays in the pictures."""
  for _, energy in matching(rows, r'probe/checkerboard(/.*)?'):
    holds = energy.values > limits.checkerboard
    if agree(holds, 2 * limits.patience):
      first, last = np.split(energy.values[-2 * limits.patience :], 2)
      if last.min() >= _FADING * first.min():  # else it is on its way out
        return Finding(
          'checkerboard',
          energy.since(holds),
          f'the grid of the upsampling is {energy.values[-1]:.3g} times as '
          'strong in the samples as in the data',
        )
  return None


def _classes(rows: Rows, limits: CollapseAlarm) -> Finding | None:
  narrow = [
    (since, diversity.values[-1], int(name.rpartition('/class')[2]))
    for name, diversity in matching(rows, _CLASS.pattern)
    if (since := _narrow(diversity, limits)) is not None
  ]
  if not narrow:
    return None
  since, widths, labels = zip(*narrow, strict=True)
  return Finding(
    'collapse',
    min(since),
    f'samples of one class lie at most {max(widths):.2f} times as far apart as '
    'pictures of that class',
    tuple(sorted(labels)),
  )


def _narrow(diversity: Series, limits: CollapseAlarm) -> int | None:
  """Return since when a diversity is too small; None if it is not."""
  holds = diversity.values < limits.diversity
  grown = (diversity.values >= limits.recovered).any()
  probes = limits.probes * (1 if grown else limits.patience)
  return diversity.since(holds) if agree(holds, probes) else None


def _direction(name: str) -> str:
  parts = name.split('/')
  return f' of {parts[3]}' if len(parts) > 3 else ''
