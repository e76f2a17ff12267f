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

    Steps are even in the logarithm where both ends are positive. It has four
    digits, or four of the part in which the ends differ, and never lies beyond
    an end.
    """
    low, high = self.low, self.high + self.whole
    value = low * (high / low) ** u if self.low > 0 else low + (high - low) * u
    if self.whole:
      return str(min(math.floor(value), int(self.high)))
    same = math.floor(math.log10(max(abs(low), abs(high)) / (high - low)))
    text = f'{value:.{4 + max(same, 0)}g}'
    inside = min(max(float(text), low), high)
    return text if inside == float(text) else repr(inside)


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
    return (
      self.values.draw(u)
      if isinstance(self.values, Range)
      else self.values[int(u * len(self.values))]
    )


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
  named: dict[str, Axis] = {}
  for assignment in assignments:
    path, equals, text = assignment.partition('=')
    path = path.strip()
    values = split(text)
    core.require(
      equals and path and all(values),
      f'--set {assignment}: write --set path.to.field=value,value,... '
      '(values that hold commas themselves in quotes or brackets)',
    )
    core.require(
      path not in named,
      f'--set {path}=... is there twice; write one --set {path}=a,b,c',
    )
    matched = _RANGE.fullmatch(text.strip())
    range_ = _range(assignment, *matched.groups()) if matched else None
    named[path] = Axis(path, range_ or tuple(dict.fromkeys(values)))
  return tuple(named.values())


def product(fields: Sequence[Axis]) -> list[Cell]:
  """Return a cell for every combination, the last field running fastest.

  Raises:
    core.UserError: there is a range, or there are too many cells.
  """
  lists = []
  for axis in fields:
    if isinstance(axis.values, Range):
      raise core.UserError(
        f'--set {axis.path}={axis.values.low:g}..{axis.values.high:g}: a range '
        'has no product; pass --random=N for N cells drawn out of it, or list '
        'the values'
      )
    lists.append([(axis.path, value) for value in axis.values])
  count = math.prod(map(len, lists))
  core.require(
    count <= _MOST_CELLS,
    f'{count} cells: a sweep has {_MOST_CELLS} at most; pass --random=N for '
    'N of them',
  )
  return _named(fields, list(itertools.product(*lists)))


def random(fields: Sequence[Axis], count: int, seed: int) -> list[Cell]:
  """Return cells drawn at random, each of them once.

  The draws of cell i depend on the seed and i alone: a larger count adds
  cells to those of a smaller one.

  Args:
    fields: values of a list are equally likely, a range is even in the
      logarithm where both ends are positive.
    count: of the cells; fewer where there are no more.
    seed: of the draws, >= 0.
  """
  core.require(
    1 <= count <= _MOST_CELLS,
    f'--random={count}: it is in 1 to {_MOST_CELLS}',
  )
  drawn: dict[tuple, None] = {}
  for i in range(20 * count):  # Many draws again: there are hardly more.
    shares = np.random.default_rng([seed, i]).random(len(fields))
    cell = (
      (axis.path, axis.draw(u)) for axis, u in zip(fields, shares, strict=True)
    )
    drawn[tuple(cell)] = None
    if len(drawn) == count:
      break
  return _named(fields, list(drawn))


def _range(assignment: str, low: str, high: str) -> Range | None:
  try:
    ends = float(low), float(high)
  except ValueError:
    return None  # A path such as ../pictures.
  core.require(
    ends[0] < ends[1] and all(map(math.isfinite, ends)),
    f'--set {assignment}: a range goes from a smaller number to a larger',
  )
  whole = all(re.fullmatch(r'\s*-?\d+\s*', end) for end in (low, high))
  return Range(*ends, whole)


def _named(fields: Sequence[Axis], settings: list[tuple]) -> list[Cell]:
  short = short_names(
    [
      axis.path
      for axis in fields
      if isinstance(axis.values, Range) or len(axis.values) > 1
    ]
  )
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


def _name(settings: tuple, short: dict[str, str]) -> str:
  """Return a name for a folder: what differs, without awkward letters."""
  text = ','.join(f'{short[p]}={v}' for p, v in settings if p in short)
  name = re.sub(r'[^\w.,=+-]+', '_', text).strip('_')
  if len(name) > _LONGEST_NAME:
    name = f'{name[: _LONGEST_NAME - 9]}-{_digest(settings)}'
  return name or 'cell'


def _digest(settings: tuple) -> str:
  return hashlib.sha256(repr(settings).encode()).hexdigest()[:8]
