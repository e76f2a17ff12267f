"""Archives in the format of tar, unpacked once per content.

Pictures and tables lie in two folders: a folder of pictures unpacked before
tables were read stays good.
"""

import contextlib
import functools
import gzip
import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from absl import logging

from art_jax import core
from art_jax.core.paths import home, printable
from art_jax.data import archive_entries, listing
from art_jax.data.archive_entries import Entry

# Of a header, which is read at once.
_MAX_READ = 4 * 2**20


def unpacked(path: str) -> str:
  """Return the folder of the pictures of a .tar, unpacking it the first time.

  Raises:
    core.UserError: see `archives.folder`.
  """
  return _unpacked(path, '', archive_entries.is_picture)


def tables(path: str) -> str:
  """Return the folder of the tables of a .tar, as `unpacked` does."""
  return _unpacked(path, '-tables', archive_entries.is_table)


@functools.lru_cache(maxsize=32)
def _sha256(path: str, size: int, time: int) -> str:
  del size, time  # part of the key: a changed file is read again
  with open(path, 'rb') as file:
    return hashlib.file_digest(file, 'sha256').hexdigest()


def _unpacked(path: str, suffix: str, wanted: Callable[[str], bool]) -> str:
  """Return the folder that holds the wanted entries of a .tar."""
  status = os.stat(path)
  sha256 = _sha256(path, status.st_size, status.st_mtime_ns)
  archives = home() / 'archives'
  target = archives / f'{sha256[:32]}{suffix}'
  if target.is_dir():
    return str(target)
  logging.info(
    'data: unpacking %s (once, then kept in %s)', printable(path), target
  )
  core.require(
    hasattr(tarfile, 'data_filter'),
    f'archive {printable(path)!r}: Python 3.11.4 or newer is needed to read '
    '.tar; unpack it yourself and pass the folder',
  )
  archives.mkdir(exist_ok=True)
  temporary = tempfile.mkdtemp(prefix='.part_', dir=archives)
  try:
    with archive_entries.explained(path, f'unpacked into {archives}'):
      with opened(path) as archive:
        others = []
        entries = _tar_entries(archive, others)
        for entry in archive_entries.pictures(path, entries):
          if wanted(entry.name):
            archive.extract(entry.item, temporary, filter='data')
    if others and not suffix:
      left_out = listing.left_out(listing.by_suffix(others))
      logging.warning('data: %s: %s', printable(path), left_out)
    with contextlib.suppress(OSError):  # another process was faster
      os.rename(temporary, target)
  finally:
    shutil.rmtree(temporary, ignore_errors=True)
  return str(target)


def _tar_entries(
  archive: tarfile.TarFile, others: list[str]
) -> Iterator[Entry]:
  """Yield the entries; note the names of files of other kinds in `others`."""
  while (info := archive.next()) is not None:
    archive.members = []  # pyright: ignore  (it would keep them all)
    plain = info.isdir() or (info.isreg() and not info.issparse())
    trouble = '' if plain else 'no plain file'
    name = info.name + '/' * info.isdir()
    if archive_entries.is_other(name):
      others.append(name)
    yield Entry(name, info.size, trouble, info)


@contextlib.contextmanager
def opened(path: str) -> Iterator[tarfile.TarFile]:
  """Open a .tar for reading, with limits on what its headers may ask for."""
  open_file = open if path.lower().endswith('.tar') else gzip.open
  with open_file(path, 'rb') as raw:
    file: Any = _Careful(raw, 2 * archive_entries.most_bytes(path))
    with tarfile.TarFile(fileobj=file) as archive:
      yield archive


class _Careful:
  """A file for tarfile: no header is huge, and nobody skips for ever."""

  def __init__(self, raw: Any, most: int):
    self._raw, self._most = raw, most
    self.tell, self.close = raw.tell, raw.close

  def read(self, count: int) -> bytes:
    core.require(0 <= count <= _MAX_READ, f'a header of it has {count} bytes')
    return self._raw.read(count)

  def seek(self, position: int, whence: int = 0) -> int:
    core.require(
      position <= self._most, f'an entry of it reaches to byte {position}'
    )
    return self._raw.seek(position, whence)
