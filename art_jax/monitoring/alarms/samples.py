"""Alarms on the samples of the probes: collapse, copies, checkerboards."""

import re

import numpy as np

from art_jax.core.alarm_limits import CollapseAlarm, SampleAlarm
from art_jax.monitoring.alarms.rows import Finding, Rows, agree, names, series

_FADING = 0.8  # a grid that fell below this share of itself goes on falling
_CLASS = re.compile(r'probe/diversity/[^/]*/class(\d+)')


def collapse(rows: Rows, limits: CollapseAlarm) -> Finding | None:
  """Fire if the samples, or those of some classes, are too much alike."""
  whole = [n for n in names(rows, r'probe/diversity/.*') if not _CLASS.match(n)]
  for name in whole:
    since = _narrow(rows, name, limits)
    if since is not None:
      value = series(rows, name).values[-1]
      where = _direction(name)
      return Finding(
        'collapse',
        since,
        f'samples{where} lie {value:.2f} times as far apart as pictures of '
        f'the data ({name.split("/")[2]})',
      )
  for name in names(rows, r'probe/distinct/.*'):
    distinct = series(rows, name)
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
  for name in names(rows, r'probe/memorised/[^/]*'):
    share = series(rows, name)
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
  for name in names(rows, r'probe/checkerboard(/.*)?'):
    energy = series(rows, name)
    holds = energy.values > limits.checkerboard
    if not agree(holds, 2 * limits.patience):
      continue
    recent = energy.values[-2 * limits.patience :]
    first, last = np.split(recent, 2)
    if last.min() < _FADING * first.min():  # on its way out
      continue
    return Finding(
      'checkerboard',
      energy.since(holds),
      f'the grid of the upsampling is {energy.values[-1]:.3g} times as '
      'strong in the samples as in the data',
    )
  return None


def _classes(rows: Rows, limits: CollapseAlarm) -> Finding | None:
  classes = {}
  for name in names(rows, _CLASS.pattern):
    since = _narrow(rows, name, limits)
    if since is not None:
      label = int(name.rpartition('/class')[2])
      classes[label] = since, series(rows, name).values[-1]
  if not classes:
    return None
  widest = max(value for _, value in classes.values())
  return Finding(
    'collapse',
    min(since for since, _ in classes.values()),
    f'samples of one class lie at most {widest:.2f} times as far apart as '
    'pictures of that class',
    tuple(sorted(classes)),
  )


def _narrow(rows: Rows, name: str, limits: CollapseAlarm) -> int | None:
  """Return since when a diversity is too small; None if it is not."""
  diversity = series(rows, name)
  holds = diversity.values < limits.diversity
  grown = (diversity.values >= limits.recovered).any()
  probes = limits.probes * (1 if grown else limits.patience)
  return diversity.since(holds) if agree(holds, probes) else None


def _direction(name: str) -> str:
  parts = name.split('/')
  return f' of {parts[3]}' if len(parts) > 3 else ''
