"""Reading the rows of metrics.jsonl by name."""

import dataclasses
import re
from collections.abc import Mapping, Sequence

import numpy as np

Row = Mapping[str, float]
Rows = Sequence[Row]


@dataclasses.dataclass(frozen=True)
class Finding:
  """What an alarm saw.

  Attributes:
    alarm: its name, e.g. 'collapse'.
    since: the first step at which it was so.
    seen: what was seen: a sentence without its end.
    classes: numbers of the classes that it is about; empty: all.
  """

  alarm: str
  since: int
  seen: str
  classes: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Series:
  """The finite values of one name, in the order of their steps."""

  steps: np.ndarray  # i64[n]
  values: np.ndarray  # f64[n]

  def __len__(self) -> int:
    return len(self.values)

  def since(self, holds: np.ndarray) -> int:
    """Return the first step of the stretch at the end in which it holds."""
    broken = np.flatnonzero(~holds)
    return int(self.steps[broken[-1] + 1 if broken.size else 0])


def series(rows: Rows, name: str) -> Series:
  """Return what the rows hold under a name."""
  pairs = [(row['step'], row[name]) for row in rows if name in row]
  finite = [pair for pair in pairs if np.isfinite(pair[1])]
  steps, values = zip(*finite, strict=True) if finite else ((), ())
  return Series(np.array(steps, np.int64), np.array(values, np.float64))


def matching(rows: Rows, pattern: str) -> list[tuple[str, Series]]:
  """Return the names that a pattern matches as a whole, and their series."""
  return [(name, series(rows, name)) for name in names(rows, pattern)]


def names(rows: Rows, pattern: str) -> list[str]:
  """Return the names in the rows that a pattern matches as a whole, sorted."""
  match = re.compile(pattern).fullmatch
  return sorted({name for row in rows for name in row if match(name)})


def agree(holds: np.ndarray, count: int) -> bool:
  """Tell whether the last `count` of a bool[n] are true."""
  return len(holds) >= count and bool(holds[-count:].all())
