"""Tables of attributes: what a labels.csv says of pictures."""

import csv
import dataclasses
import math
import os
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from art_jax import core
from art_jax.core.paths import printable

_RESERVED = ('image', 'label', 'a', 'b')  # keys of a batch


@dataclasses.dataclass(frozen=True)
class Column:
  """One attribute of the pictures of a set.

  Attributes:
    name: key of the batch.
    values: names, in the order of their numbers; () for a number.
    low: the smallest number; 0 for names.
    high: the largest.
  """

  name: str
  values: tuple[str, ...] = ()
  low: float = 0.0
  high: float = 0.0

  def example(self, text: str) -> np.ndarray:
    """Return i32[], -1 without a value, or f32[], NaN without."""
    if self.values:
      return np.array(self.values.index(text) if text else -1, np.int32)
    return np.array(float(text) if text else math.nan, np.float32)


def suggestion(columns: Sequence[Column]) -> str:
  """Return the --set that makes an algorithm read these columns."""
  parts = [
    f"Category(name='{column.name}', count={len(column.values)})"
    if column.values
    else f"Number(name='{column.name}', low={column.low:g}, "
    f'high={column.high:g})'
    for column in columns
  ]
  return f'--set "algorithm.attributes=({", ".join([*parts, "Palette()"])})"'


def read(
  path: str,
  files: Collection[str],
  wanted: Sequence[str] = (),
  categories: Sequence[str] = (),
) -> tuple[tuple[Column, ...], Mapping[str, dict[str, str]]]:
  """Read a table of attributes.

  Its first line names the columns, `file` among them; a cell without text is
  not known. A column is one of numbers if most of its values are.

  Args:
    path: a .csv file, UTF-8.
    files: pictures that there are, readable or not.
    wanted: columns to read, in this order; empty: all but `file`.
    categories: columns of names, though they look like numbers.

  Returns:
    The columns, and the text of each cell by file and column.

  Raises:
    UserError: the table is missing or malformed, it names a picture that is
      not there, or a value is no number; with the line.
  """
  shown = repr(printable(path))
  rows, header = _rows(path, shown)
  names = tuple(wanted) or tuple(name for name in header if name != 'file')
  for name in (*names, *categories):
    core.require(
      name in header and name != 'file',
      f'{shown} has no column {name!r}; it has '
      f'{", ".join(h for h in header if h != "file")}',
    )
    core.require(
      name not in _RESERVED,
      f'{shown}: a column may not be called {name!r}; rename it, e.g. '
      f'{name}_name',
    )
  cells: dict[str, dict[str, str]] = {}
  for line, row in rows:
    file = row['file'].replace(os.sep, '/')
    core.require(
      file in files,
      f'{shown}, line {line}: there is no picture {printable(file)!r} in the '
      'folder; correct the name, or delete the line',
    )
    core.require(
      file not in cells,
      f'{shown}, line {line}: {printable(file)!r} has a line already; delete '
      'one of them',
    )
    cells[file] = row
  return (
    tuple(_column(shown, name, rows, name in categories) for name in names),
    cells,
  )


def _rows(path: str, shown: str):
  """Return [(line, {column: text})] and the names of the columns."""
  try:
    with open(path, encoding='utf-8-sig', newline='') as file:
      reader = csv.reader(file, strict=True)
      header = [name.strip() for name in next(reader, [])]
      rows = [(reader.line_num, row) for row in reader if any(row)]
  except OSError as error:
    raise core.UserError(
      f'{shown} cannot be read: {error.strerror}; put a table with a column '
      "`file` beside the pictures, or pass Labeled(file='NAME.csv')"
    ) from None
  except (UnicodeDecodeError, csv.Error) as error:
    raise core.UserError(
      f'{shown} is no table: {error}; save it as CSV in UTF-8'
    ) from None
  twice = [name for name in header if header.count(name) > 1]
  core.require(
    'file' in header and not twice and rows,
    f'{shown}: its first line names the columns ({", ".join(header)}), each '
    'once and `file` among them, and lines follow; correct it',
  )
  for line, row in rows:
    core.require(
      len(row) == len(header),
      f'{shown}, line {line}: {len(row)} cells for {len(header)} columns; '
      'put quotes around a text that holds a comma',
    )
  return [
    (line, dict(zip(header, map(str.strip, row), strict=True)))
    for line, row in rows
  ], header


def _column(shown: str, name: str, rows, category: bool) -> Column:
  known = [(line, row[name]) for line, row in rows if row[name]]
  core.require(
    known, f'{shown}: column {name!r} is empty; leave it out by columns=(...)'
  )
  numbers = [_number(text) for _, text in known]
  good = [number for number in numbers if number is not None]
  if category or 2 * len(good) <= len(known):
    return Column(name, tuple(sorted({text for _, text in known})))
  for (line, text), number in zip(known, numbers, strict=True):
    core.require(
      number is not None,
      f'{shown}, line {line}: {name}={printable(text)!r} is no number, as '
      f'most of its column are; correct it, leave it empty if it is not '
      f'known, or pass categories=({name!r},)',
    )
  return Column(name, (), min(good), max(good))


def _number(text: str) -> float | None:
  try:
    value = float(text)
  except ValueError:
    return None
  return value if math.isfinite(value) else None
