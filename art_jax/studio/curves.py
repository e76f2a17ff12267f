"""Rows of metrics.jsonl as columns, thinned to what a screen can show."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from art_jax.report import figures
from art_jax.runs import plots

POINTS = 240  # of a curve; beyond, means with their least and largest
_MOST = 48  # curves of one answer
_ALL = 4000  # points of all curves: a page is to have less than 200 kB
_DIGITS = 5


def columns(
  rows: Sequence[Mapping[str, Any]], points: int = POINTS
) -> dict[str, dict[str, list]]:
  """Return every metric as {'steps', 'values'}, and 'low', 'high' if thinned.

  Numbers that are not finite are None, which JSON can hold.

  Args:
    rows: of metrics.jsonl, non-finite values as floats.
    points: of one curve; of many curves each has fewer.
  """
  every = dict.fromkeys(k for row in rows for k in row if k != 'step')
  names = [*every][:_MOST]
  points = min(points, _ALL // max(len(names), 1))
  return {name: _column(rows, name, points) for name in names}


def layout(names: Sequence[str]) -> list[dict[str, Any]]:
  """Return which metrics share a figure: {'title', 'group', 'names'}."""
  return [
    {'title': figures.heading(group), 'group': group, 'names': members}
    for group, members in figures.groups(names).items()
  ]


def number(value: Any) -> float | None:
  """Return a number in few digits; None if it is none, or not finite."""
  if isinstance(value, bool) or not isinstance(value, int | float):
    return None
  return float(f'{value:.{_DIGITS}g}') if math.isfinite(value) else None


def _column(
  rows: Sequence[Mapping[str, Any]], name: str, points: int
) -> dict[str, list]:
  pairs = [
    (row['step'], row[name])
    for row in rows
    if isinstance(row.get(name), int | float)
  ]
  if len(pairs) <= 2 * points:
    return {
      'steps': [step for step, _ in pairs],
      'values': [number(value) for _, value in pairs],
    }
  steps, values = np.array(pairs, np.float64).T
  values = np.where(np.isfinite(values), values, np.nan)
  middle, low, mean, high = plots.binned(steps, values, points)
  return {
    'steps': [round(float(step)) for step in middle],
    **{
      key: [number(float(value)) for value in part]
      for key, part in (('values', mean), ('low', low), ('high', high))
    },
  }
