"""Tables of attributes: what a labels.csv says of pictures."""

import csv
import dataclasses
import io
import math
import posixpath
import unicodedata
import zipfile
import zlib
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from art_jax import core
from art_jax.core.paths import printable, shown
from art_jax.data import archives

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
    else f"Number(name='{column.name}', low={_exact(column.low)}, "
    f'high={_exact(column.high)})'
    for column in columns
    if column.values or column.low < column.high  # a constant says nothing
  ]
  every = ', '.join([*parts, 'Palette()']) + ',' * (not parts)
  return f'--set "algorithm.attributes=({every})"'


def _exact(number: float) -> str:
  return repr(number).removesuffix('.0')


def read(
  path: str,
  files: Collection[str],
  wanted: Sequence[str] = (),
  categories: Sequence[str] = (),
) -> tuple[tuple[Column, ...], Mapping[str, dict[str, str]]]:
  r"""Read a table of attributes.

  Its first line names the columns, `file` among them; a cell without text is
  not known. A column is one of numbers if most of its values are. Files may be
  written as './a/b.png' or 'a\b.png', and accents as one character or two.

  Args:
    path: a .csv file, UTF-8; it may lie in a .zip.
    files: pictures that there are, readable or not.
    wanted: columns to read, in this order; empty: all but `file`.
    categories: columns of names, though they look like numbers.

  Returns:
    The columns, and the text of each cell by file and column.

  Raises:
    UserError: the table is missing or malformed, it names a picture that is
      not there, or a value is no number; with the line.
  """
  title = repr(printable(path))
  rows, header = _rows(path, title)
  names = tuple(wanted) or tuple(name for name in header if name != 'file')
  for name in (*names, *categories):
    core.require(
      name in header and name != 'file',
      f'{title} has no column {name!r}; it has '
      f'{", ".join(h for h in header if h != "file")}',
    )
    core.require(
      name not in _RESERVED,
      f'{title}: a column may not be called {name!r}; rename it, e.g. '
      f'{name}_name',
    )
  cells: dict[str, dict[str, str]] = {}
  names_of = _Names(files)
  for line, row in rows:
    file = names_of.file(row['file'], f'{title}, line {line}')
    core.require(
      file not in cells,
      f'{title}, line {line}: {shown(file)} has a line already; delete one of '
      'them',
    )
    cells[file] = row
  return (
    tuple(_column(title, name, rows, name in categories) for name in names),
    cells,
  )


class _Names:
  """Finds the picture that a table means.

  Args:
    files: paths below the folder with '/' between folders.
  """

  def __init__(self, files: Collection[str]):
    self._files = frozenset(files)
    self._alike: dict[str, list[str]] = {}
    for file in files:
      self._alike.setdefault(_spelled(file), []).append(file)

  def file(self, text: str, where: str) -> str:
    """Return the picture that a cell names.

    Raises:
      UserError: there is none, or several are spelled alike.
    """
    for plain in (text, text.replace('\\', '/')):  # a name may hold a backslash
      if plain in self._files:
        return plain
      found = self._alike.get(_spelled(plain), [])
      if len(found) == 1:
        return found[0]
      core.require(
        not found,
        f'{where}: {shown(text)} may be any of '
        f'{", ".join(map(shown, sorted(found)))}; rename one of them',
      )
    raise core.UserError(
      f'{where}: there is no picture {shown(text)} in the folder'
      f'{self._near(text)}; correct the name, or delete the line'
    )

  def _near(self, text: str) -> str:
    """Return what the cell may mean, in words."""
    wanted = _folded(text.replace('\\', '/'))
    same = [file for file in self._files if _folded(file) == wanted]
    base = posixpath.basename(wanted)
    ends = [f for f in self._files if posixpath.basename(_folded(f)) == base]
    near = sorted(same or ends)[:3]
    return f', but {", ".join(map(shown, near))}' if near else ''


def _spelled(file: str) -> str:
  """Return one spelling of a path: no './', accents as one character."""
  parts = [part for part in file.split('/') if part not in ('', '.')]
  rooted = '/' if file.startswith('/') else ''
  return unicodedata.normalize('NFC', rooted + '/'.join(parts))


def _folded(file: str) -> str:
  """Return what spellings share that a reader takes for one another."""
  return unicodedata.normalize('NFKC', _spelled(file)).casefold()


def _rows(path: str, title: str):
  """Return [(line, {column: text})] and the names of the columns."""
  try:
    file = io.StringIO(archives.read(path).decode('utf-8-sig'), newline='')
    reader = csv.reader(file, strict=True)
    header = [name.strip() for name in next(reader, [])]
    rows = [(reader.line_num, row) for row in reader if any(row)]
  except (OSError, zipfile.BadZipFile, zlib.error) as error:
    reason = getattr(error, 'strerror', None) or error
    raise core.UserError(
      f'{title} cannot be read: {reason}; put a table with a column '
      "`file` beside the pictures, or pass Labeled(file='NAME.csv')"
    ) from None
  except (UnicodeDecodeError, csv.Error) as error:
    raise core.UserError(
      f'{title} is no table: {error}; save it as CSV in UTF-8'
    ) from None
  twice = [name for name in header if header.count(name) > 1]
  core.require(
    'file' in header and not twice and rows,
    f'{title}: its first line names the columns ({", ".join(header)}), each '
    'once and `file` among them, with commas between them, and lines follow; '
    'correct it',
  )
  for line, row in rows:
    core.require(
      len(row) == len(header),
      f'{title}, line {line}: {len(row)} cells for {len(header)} columns; '
      'put quotes around a text that holds a comma',
    )
  return [
    (line, dict(zip(header, map(str.strip, row), strict=True)))
    for line, row in rows
  ], header


def _column(title: str, name: str, rows, category: bool) -> Column:
  known = [(line, row[name]) for line, row in rows if row[name]]
  core.require(
    known, f'{title}: column {name!r} is empty; leave it out by columns=(...)'
  )
  numbers = [_number(text) for _, text in known]
  good = [number for number in numbers if number is not None]
  if category or 2 * len(good) <= len(known):
    return Column(name, tuple(sorted({text for _, text in known})))
  for (line, text), number in zip(known, numbers, strict=True):
    core.require(
      number is not None,
      f'{title}, line {line}: {name}={printable(text)!r} is no number, as '
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
