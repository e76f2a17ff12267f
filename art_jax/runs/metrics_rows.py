"""The rows of metrics.jsonl: one flat JSON object a line.

JSON has no word for numbers that are not finite, so rows hold the strings
"NaN", "Infinity" and "-Infinity"; `read_metrics` makes floats of them again.
"""

import json
import math
import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from etils import epath

from art_jax import core

_NAME = re.compile(r'\w[\w.@-]*(/\w[\w.@-]*)*', re.ASCII)
_WORDS = {'nan': 'NaN', 'inf': 'Infinity', '-inf': '-Infinity'}
_NOT_FINITE = {word: float(text) for text, word in _WORDS.items()}


def encode_row(
  step: int, values: Mapping[str, Any]
) -> tuple[bytes, dict[str, float]]:
  """Return the line of metrics.jsonl, and the values as floats.

  Raises:
    UserError: a name is not one of a metric, or a value is not one number.
  """
  row = {require_name(name): _number(name, v) for name, v in values.items()}
  as_json = {name: _to_json(value) for name, value in row.items()}
  line = json.dumps({'step': int(step), **as_json}, allow_nan=False)
  return f'{line}\n'.encode(), row


def read_metrics(path: os.PathLike | str) -> list[dict[str, Any]]:
  """Return the rows of a metrics.jsonl, non-finite values as floats.

  A torn last line, of a run that was killed or is writing, is left out.

  Raises:
    UserError: there is no such file, an earlier line is not a row, or a value
      is no number.
  """
  path = epath.Path(path)
  core.require(
    path.exists(),
    f'{path} does not exist: a run writes its metrics there; pass the '
    'folder of a run that has started',
  )
  return [
    {name: _from_json(path, row, name) for name in row}
    for _, row in parse(path)
  ]


def parse(path: epath.Path) -> list[tuple[bytes, dict[str, Any]]]:
  """Return `(line, row)` of every whole line."""
  lines = path.read_bytes().split(b'\n') if path.exists() else []
  rows = []
  for number, line in enumerate(lines, 1):
    if not line:
      continue
    try:
      row = json.loads(line)
      if not isinstance(row['step'], int):
        raise TypeError('its step is no whole number')
      rows.append((line, {'step': row['step'], **row}))
    except (ValueError, TypeError, KeyError, RecursionError) as e:
      if number == len(lines):  # no newline after it: torn
        continue
      raise core.UserError(
        f'{path}, line {number}: {line[:60]!r} is not a row of metrics '
        f'({e}); remove the line'
      ) from e
  return rows


def require_name(name: str) -> str:
  """Return a name of metrics or pictures; raise UserError for another."""
  core.require(
    name != 'step' and _NAME.fullmatch(name),
    f'name {name!r}: metrics and pictures are named "group/name" with '
    'letters, digits and "_.@-", and not "step"; rename it',
  )
  return name


def _number(name: str, value: Any) -> float:
  try:
    return float(np.asarray(value).item())
  except (TypeError, ValueError) as e:
    raise core.UserError(
      f'metric {name!r} of shape {np.shape(value)}: a metric is one number; '
      'reduce it with mean()'
    ) from e


def _to_json(value: float) -> float | str:
  return value if math.isfinite(value) else _WORDS[str(value)]


def _from_json(path: epath.Path, row: Mapping[str, Any], name: str) -> float:
  value = row[name]
  number = _NOT_FINITE.get(value) if isinstance(value, str) else value
  if not isinstance(number, int | float):
    raise core.UserError(
      f'{path}, step {row["step"]}: {name}={value!r:.60} is no number; remove '
      'the line'
    )
  return number
