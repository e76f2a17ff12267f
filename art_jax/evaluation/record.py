"""Scores for people (a table) and for programs (evaluation.json)."""

import datetime
import json
import math
import os
from typing import Any

from etils import epath

from art_jax import core
from art_jax.core.paths import write_atomic
from art_jax.evaluation.scores import Score, Scores

FILE = 'evaluation.json'


def table(scores: Scores) -> str:
  """Return the scores, one a line, what was left out and why, and subsets."""
  rows = [('score', 'value', 'real pictures', 'better')]
  for row in scores.rows:
    real = '' if row.real is None else f'{row.real:.5g}'
    rows.append((row.name, f'{row.value:.5g}{_spread(row)}', real, row.better))
  widths = [max(len(row[i]) for row in rows) for i in range(3)]
  lines = [
    f'{name:<{widths[0]}}  {value:<{widths[1]}}  {real:<{widths[2]}}  {better}'
    for name, value, real, better in rows
  ]
  lines += [f'{name}: {text}' for name, text in scores.subsets.items()]
  lines += [f'{m}: left out, {why}' for m, why in scores.left_out.items()]
  return '\n'.join(line.rstrip() for line in lines)


def _spread(row: Score) -> str:
  if row.interval is not None:
    low, high = row.interval
    return f' ({low:.3g} to {high:.3g})'
  return '' if row.deviation is None else f' +- {row.deviation:.2g}'


def append(folder: str, scores: Scores, protocol: dict[str, Any]) -> str:
  """Add an entry to evaluation.json; entries that are there stay.

  Args:
    folder: of the run, or to write to; made if missing.
    scores: to write.
    protocol: everything that the numbers depend on.

  Returns:
    The path of the file.

  Raises:
    core.UserError: the file is there but cannot be read as a list.
  """
  path = epath.Path(os.path.expanduser(folder)) / FILE
  entries = read(path)
  now = datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds')
  values = {
    row.name: {
      'value': _number(row.value),
      'deviation': _number(row.deviation),
      **({'interval': list(row.interval)} if row.interval else {}),
      'real': _number(row.real),
      'better': row.better,
    }
    for row in scores.rows
  }
  more: dict[str, Any] = {'scores': values, 'left_out': scores.left_out}
  if scores.subsets:
    more['subsets'] = scores.subsets
  entries.append({'time': now, **protocol, **more})
  text = json.dumps(entries, indent=2, allow_nan=False)
  write_atomic(path, f'{text}\n')
  return str(path)


def read(path: str | epath.Path) -> list[dict[str, Any]]:
  """Return the entries of an evaluation.json, oldest first; [] without one.

  Raises:
    core.UserError: it is damaged.
  """
  path = epath.Path(path)
  if not path.exists():
    return []
  try:
    entries = json.loads(path.read_text('utf-8'))
    if not isinstance(entries, list):
      raise ValueError('it holds no list')
  except (OSError, ValueError) as error:
    raise core.UserError(
      f'{path} cannot be read ({error}); move it away, and a new one is written'
    ) from None
  return entries


def _number(value: float | None) -> float | None:
  """Return what JSON can hold: equal pictures have an infinite PSNR."""
  return value if value is not None and math.isfinite(value) else None
