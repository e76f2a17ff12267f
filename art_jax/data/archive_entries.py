"""What may be taken out of an archive: its pictures and tables, in limits."""

import contextlib
import itertools
import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from absl import logging

from art_jax import core
from art_jax.core.paths import printable
from art_jax.data import listing
from art_jax.data.litter import is_litter

MAX_BYTES = 256 * 2**30
MAX_FILES = 2_000_000
# Pictures are compressed already. Small archives may be of one color.
MAX_RATIO = 100
_FREE_BYTES = 64 * 2**20
_MAX_TABLE_BYTES = 64 * 2**20
_MAX_NAME = 255  # bytes of a part of a path, as file systems have it
_ODD = re.compile('[\x00-\x1f\x7f\ud800-\udfff]')


class Entry(NamedTuple):
  """An entry of an archive.

  Attributes:
    name: with '/' between folders; one at the end of a folder's.
    size: of what it unpacks to, in bytes.
    trouble: why it cannot be read; '' if it can.
    item: what the library knows of it.
  """

  name: str
  size: int
  trouble: str
  item: Any


@contextlib.contextmanager
def explained(path: str, what: str) -> Iterator[None]:
  """Name the archive in errors; the two libraries raise many kinds."""
  shown = repr(printable(path))
  try:
    yield
  except core.UserError as error:
    raise core.UserError(
      f'archive {shown}: {error}; unpack it yourself and pass the folder '
      'if you trust it'
    ) from None
  except Exception as error:
    reason = printable(str(error))[:200]
    raise core.UserError(
      f'archive {shown} cannot be {what}: {reason}'
    ) from error


def pictures(path: str, entries: Iterable[Entry]) -> Iterator[Entry]:
  """Yield pictures and tables, each once, and warn of what else looks so.

  Names begin at the top of the archive: without './'.

  Raises:
    core.UserError: an entry leads out of the folder, the archive is too large
      or holds no pictures.
  """
  most = most_bytes(path)
  files, folders, skipped, size = set(), set(), [], 0
  some = False
  for count, entry in enumerate(entries, 1):
    size += entry.size
    core.require(count <= MAX_FILES, f'it holds more than {MAX_FILES} entries')
    core.require(
      size <= most,
      f'it unpacks to more than {most} bytes, {MAX_RATIO} times its size, '
      'which pictures do not',
    )
    _require_inside(entry.name)
    entry = entry._replace(name=_plain(entry.name))
    if not (is_picture(entry.name) or is_table(entry.name)):
      continue
    above = entry.name.split('/')[:-1]
    parents = set(itertools.accumulate(above, posixpath.join))
    trouble = _bad_name(entry.name) or entry.trouble
    if is_table(entry.name) and entry.size > _MAX_TABLE_BYTES:
      trouble = trouble or f'a table of more than {_MAX_TABLE_BYTES} bytes'
    if entry.name in files or entry.name in folders or parents & files:
      trouble = trouble or 'it comes twice'
    if trouble:
      skipped.append(f'{printable(entry.name)[:80]} ({trouble})')
      continue
    files.add(entry.name)
    folders |= parents
    some = some or is_picture(entry.name)
    yield entry
  if skipped:
    logging.warning(
      'data: %d entries of %s left out, e.g. %s',
      len(skipped),
      printable(path),
      '; '.join(skipped[:3]),
    )
  core.require(some, 'it holds no pictures')


def most_bytes(path: str) -> int:
  """Return how much the entries of an archive may unpack to."""
  return min(MAX_RATIO * os.path.getsize(path) + _FREE_BYTES, MAX_BYTES)


def is_picture(name: str) -> bool:
  """Tell whether an entry has the name of a picture that is no litter."""
  return name.lower().endswith(listing.SUFFIXES) and not _litter(name)


def is_table(name: str) -> bool:
  """Tell whether an entry has the name of a table of attributes."""
  return name.lower().endswith(listing.TABLE) and not _litter(name)


def is_other(name: str) -> bool:
  """Tell whether an entry is a file that is neither, and no litter."""
  if name.endswith('/'):
    return False
  name = _plain(name)
  return not (is_picture(name) or is_table(name) or _litter(name))


def _litter(name: str) -> bool:
  return any(map(is_litter, name.split('/')))


def _plain(name: str) -> str:
  """Return a name without the parts that mean the folder itself."""
  return '/'.join(part for part in name.split('/') if part != '.')


def _require_inside(name: str) -> None:
  """Raise a UserError if an entry would lie outside of the folder."""
  core.require(
    not name.startswith('/')
    and '..' not in name.split('/')
    and '\\' not in name
    and name[1:2] != ':',
    f'its entry {printable(name)[:80]!r} leads out of the folder',
  )


def _bad_name(name: str) -> str:
  """Return why a name cannot be a file's; '' if it can."""
  parts = name.split('/')
  if _ODD.search(name) or '' in parts:
    return 'an odd name'
  if len(parts) > 32 or any(
    len(os.fsencode(part)) > _MAX_NAME for part in parts
  ):
    return 'too long a name'
  return ''
