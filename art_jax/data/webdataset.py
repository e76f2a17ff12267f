"""WebDataset shards: a .tar whose files with one stem are a record.

'7.jpg', '7.cls' and '7.json' are record 7: its picture, its class (a name or
a number) and what else is known. A class may also be a folder in the .tar. The
stem ends at the first dot, so '7.left.jpg' is of record 7 too.
"""

import functools
import itertools
import json
import os
import posixpath
from collections.abc import Iterator
from typing import Any

from art_jax.core.paths import printable
from art_jax.data import (
  archive_entries,
  decode,
  listing,
  passing,
  records,
  tars,
)
from art_jax.data.records import Damage, Record

_CHUNK = 2**20
_MAX_TEXT = 2**16  # bytes of a .cls or .json
_PEEKED = 64  # entries that tell whether a .tar has classes


def read(path: str) -> Iterator[Record | Damage]:
  """Yield the records of one .tar, .tar.gz or .tgz."""
  entries = _entries(path)
  for _, group in itertools.groupby(entries, _stem):
    files = {}
    for name, value in group:
      if isinstance(value, Damage):
        if files:
          yield from _record(files)
          files = {}
        yield value
      else:
        files[name] = value
    yield from _record(files)


def has_classes(path: str) -> bool:
  """Tell whether a .tar begins as one of WebDataset with classes."""
  status = os.stat(path)
  try:
    return _has_classes(path, status.st_size, status.st_mtime_ns)
  except Exception:  # damaged or unreadable: whoever reads it says so
    return False


@functools.lru_cache(maxsize=32)
def _has_classes(path: str, size: int, time: int) -> bool:
  del size, time  # part of the key
  with tars.opened(path) as archive:
    first = itertools.islice(iter(archive.next, None), _PEEKED)
    return any(info.name.endswith('.cls') for info in first)


def _record(files: dict[str, bytes]) -> Iterator[Record | Damage]:
  pictures = {
    name: value
    for name, value in files.items()
    if name.lower().endswith(listing.SUFFIXES)
  }
  if not pictures:
    return
  values: dict[str, Any] = {}
  for name, value in files.items():
    if name.endswith('.json'):
      values |= _json(value)
    elif name.endswith('.cls'):
      text = value.decode('utf-8', 'replace').strip()
      values['cls'] = int(text) if text.isdecimal() else text or None
  by_column = {_column(name): name for name in pictures}
  columns = records.picture_columns(by_column)
  # Beside one of a usual name, those of other columns are masks and the like.
  usual = records.is_usual(columns[0])
  alike = [name for name in pictures if not usual or _column(name) in columns]
  if lost := len(alike) - len(columns):
    stem = printable(_stem((alike[0], None)))
    yield Damage(
      f'{len(alike)} pictures share the name {stem!r}, which ends at the '
      'first dot, and one is taken: rename them',
      lost,
    )
  yield Record(
    {column: pictures[by_column[column]] for column in columns},
    records.label_of(values),
    # Of two pictures each has a name of its own, by its column.
    by_column[columns[0]] if len(columns) == 1 else None,
  )


def _entries(path: str) -> Iterator[tuple[str, bytes | Damage]]:
  """Yield the files that records consist of, and at the end the damage."""
  name = ''
  try:
    with tars.opened(path) as archive:
      while (info := archive.next()) is not None:
        archive.members = []  # pyright: ignore  (it would keep them all)
        name = info.name.removeprefix('./')
        text = name.endswith(('.cls', '.json'))
        if not info.isreg() or not (text or archive_entries.is_picture(name)):
          continue
        most = _MAX_TEXT if text else decode.MAX_BYTES
        if info.size > most:
          yield name, Damage(f'{printable(name)!r} has {info.size} bytes')
          continue
        file: Any = archive.extractfile(info)
        yield name, b''.join(iter(functools.partial(file.read, _CHUNK), b''))
      if archive.offset >= os.path.getsize(path) and path.endswith('.tar'):
        yield name, Damage('it has no end mark: it is cut off', None)
  except Exception as error:  # of tarfile, gzip or the system
    passing.refuse(path, error)
    yield name, Damage(_ends(name, error), None)


def _ends(name: str, error: Exception) -> str:
  where = f' at {printable(name)!r}' if name else ''
  return f'it is damaged or cut off{where} ({printable(str(error))[:100]})'


def _stem(entry: tuple[str, Any]) -> str:
  folder, _, file = entry[0].rpartition('/')
  return posixpath.join(folder, file.partition('.')[0])


def _column(name: str) -> str:
  return name.rpartition('/')[2].partition('.')[2].lower()


def _json(value: bytes) -> dict[str, Any]:
  try:
    content = json.loads(value)
  except ValueError:
    return {}
  return content if isinstance(content, dict) else {}
