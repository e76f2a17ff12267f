"""From `--set path=a,b,c` to the cells of a sweep, each with its fields."""

import dataclasses
import hashlib
import itertools
import math
import re
from collections.abc import Sequence

import numpy as np

from art_jax import core

_RANGE = re.compile(r'([^()\[\]\'",]+?)\.\.([^()\[\]\'",]+)')
_OPEN, _CLOSE = '([{', ')]}'
_LONGEST_NAME = 80
_MOST_CELLS = 1000


@dataclasses.dataclass(frozen=True)
class Range:
  """Every number between two: for random cells only.

  Attributes:
    low: smallest value.
    high: largest value.
    whole: whole numbers only, as both ends are written.
  """

  low: float
  high: float
  whole: bool

  def draw(self, u: float) -> str:
    """Return the value at the share u in [0, 1) of the way, as text.

    Steps are even in the logarithm where both ends are positive.
    """
    low, high = self.low, self.high + self.whole
    if self.low > 0:
      value = low * (high / low) ** u
    else:
      value = low + (high - low) * u
    if self.whole:
      return str(min(math.floor(value), int(self.high)))
    return f'{value:.4g}'


@dataclasses.dataclass(frozen=True)
class Axis:
  """One field that cells differ in.

  Attributes:
    path: of the field, 'train.batch_size'.
    values: texts as `--set` takes them; or one Range.
  """

  path: str
  values: tuple[str, ...] | Range

  def draw(self, u: float) -> str:
    """Return the value at the share u in [0, 1) of all."""
    if isinstance(self.values, Range):
      return self.values.draw(u)
    return self.values[int(u * len(self.values))]


@dataclasses.dataclass(frozen=True)
class Cell:
  """One run of a sweep.

  Attributes:
    name: of its run folder.
    settings: (path, text of the value) of every axis.
  """

  name: str
  settings: tuple[tuple[str, str], ...]

  @property
  def assignments(self) -> list[str]:
    """What `--set` would be given."""
    return [f'{path}={value}' for path, value in self.settings]


def split(text: str) -> tuple[str, ...]:
  """Cut at the commas that stand in no brackets and no quotes.

  `1,2,3` are three values, `(1,2),(3,4)` two tuples, `('a','b')` is one tuple
  and `'a,b'` one string.
  """
  parts, start, depth, quote = [], 0, 0, ''
  for i, letter in enumerate(text):
    if quote:
      quote = '' if letter == quote else quote
    elif letter in '\'"':
      quote = letter
    elif letter in _OPEN:
      depth += 1
    elif letter in _CLOSE:
      depth -= 1
    elif letter == ',' and not depth:
      parts.append(text[start:i])
      start = i + 1
  return tuple(part.strip() for part in (*parts, text[start:]))


def axes(assignments: Sequence[str]) -> tuple[Axis, ...]:
  """Read what `--set` was given.

  Raises:
    core.UserError: an assignment has no '=', an empty value, or a field that
      another has too.
  """
  found: dict[str, Axis] = {}
  for assignment in assignments:
    path, equals, text = assignment.partition('=')
    path = path.strip()
    values = split(text)
    if not equals or not path or not all(values):
      raise core.UserError(
        f'--set {assignment}: write --set path.to.field=value,value,... '
        '(values that hold commas themselves in quotes or brackets)'
      )
    if path in found:
      raise core.UserError(
        f'--set {path}=... is there twice; write one --set {path}=a,b,c'
      )
    matched = _RANGE.fullmatch(text.strip())
    range_ = _range(assignment, *matched.groups()) if matched else None
    found[path] = Axis(path, range_ or tuple(dict.fromkeys(values)))
  return tuple(found.values())


def product(asked: Sequence[Axis]) -> list[Cell]:
  """Return a cell for every combination, the last field running fastest.

  Raises:
    core.UserError: there is a range, or there are too many cells.
  """
  for axis in asked:
    if isinstance(axis.values, Range):
      low, high = axis.values.low, axis.values.high
      raise core.UserError(
        f'--set {axis.path}={low:g}..{high:g}: a range has no product; pass '
        '--random=N for N cells drawn out of it, or list the values'
      )
  count = math.prod(len(axis.values) for axis in asked)
  if count > _MOST_CELLS:
    raise core.UserError(
      f'{count} cells: a sweep has {_MOST_CELLS} at most; pass --random=N for '
      'N of them'
    )
  paths = [axis.path for axis in asked]
  return _named(
    asked,
    [
      tuple(zip(paths, values, strict=True))
      for values in itertools.product(*(axis.values for axis in asked))
    ],
  )


def random(asked: Sequence[Axis], count: int, seed: int) -> list[Cell]:
  """Return cells drawn at random, each of them once.

  The draws of cell i depend on the seed and i alone: a larger count adds
  cells to those of a smaller one.

  Args:
    asked: fields; values of a list are equally likely, a range is even in the
      logarithm where both ends are positive.
    count: of the cells; fewer where there are no more.
    seed: of the draws, >= 0.
  """
  if not 1 <= count <= _MOST_CELLS:
    raise core.UserError(f'--random={count}: it is in 1 to {_MOST_CELLS}')
  found: dict[tuple, None] = {}
  for i in range(20 * count):  # Many draws again: there are hardly more.
    shares = np.random.default_rng([seed, i]).random(len(asked))
    found.setdefault(
      tuple(
        (axis.path, axis.draw(u)) for axis, u in zip(asked, shares, strict=True)
      )
    )
    if len(found) == count:
      break
  return _named(asked, list(found))


def _range(assignment: str, low: str, high: str) -> Range | None:
  try:
    ends = float(low), float(high)
  except ValueError:
    return None  # A path such as ../pictures.
  if not ends[0] < ends[1] or not all(map(math.isfinite, ends)):
    raise core.UserError(
      f'--set {assignment}: a range goes from a smaller number to a larger'
    )
  whole = all(re.fullmatch(r'\s*-?\d+\s*', end) for end in (low, high))
  return Range(*ends, whole)


def _named(asked: Sequence[Axis], settings: list[tuple]) -> list[Cell]:
  short = short_names([axis.path for axis in asked if _varies(axis)])
  names = [_name(each, short) for each in settings]
  twice = {name for name in names if names.count(name) > 1}
  return [
    Cell(f'{name}-{_digest(each)}' if name in twice else name, each)
    for name, each in zip(names, settings, strict=True)
  ]


def short_names(paths: Sequence[str]) -> dict[str, str]:
  """Return the end of each path, as long as is needed to tell them apart."""
  for depth in range(1, 20):
    ends = ['.'.join(path.split('.')[-depth:]) for path in paths]
    if len(set(ends)) == len(ends):
      break
  return dict(zip(paths, ends, strict=True))


def _varies(axis: Axis) -> bool:
  return isinstance(axis.values, Range) or len(axis.values) > 1


def _name(settings: tuple, short: dict[str, str]) -> str:
  """Return a name for a folder: what differs, without awkward letters."""
  text = ','.join(f'{short[p]}={v}' for p, v in settings if p in short)
  name = re.sub(r'[^\w.,=+-]+', '_', text).strip('_')
  if len(name) > _LONGEST_NAME:
    name = f'{name[: _LONGEST_NAME - 9]}-{_digest(settings)}'
  return name or 'cell'


def _digest(settings: tuple) -> str:
  return hashlib.sha256(repr(settings).encode()).hexdigest()[:8]
