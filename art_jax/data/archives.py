"""Archives of pictures as folders: .zip, .tar, .tar.gz, .tgz.

Only pictures are taken out, into `ART_JAX_HOME/archives/<sha256>`, once per
content. An entry that would lie outside ends it, and so does an archive that
unpacks to too much; links, devices and names that cannot be files are left out.
"""

import contextlib
import functools
import gzip
import hashlib
import os
import pathlib
import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from typing import IO

from absl import logging

from art_jax import core
from art_jax.core import paths as home_lib
from art_jax.data import decode

SUFFIXES = ('.zip', '.tar', '.tar.gz', '.tgz')
MAX_BYTES = 256 * 2**30
MAX_FILES = 2_000_000
# Pictures are compressed already. Small archives may be of one colour.
MAX_RATIO = 100
_FREE_BYTES = 64 * 2**20
# Of a header, which is read at once.
_MAX_READ = 4 * 2**20
_BLOCK = 2**20
_ODD = re.compile('[\x00-\x1f\x7f\ud800-\udfff]')


def is_archive(path: str) -> bool:
  """Tell whether a path is a file with the name of an archive."""
  return path.lower().endswith(SUFFIXES) and os.path.isfile(path)


def unpacked(path: str) -> str:
  """Return the folder of an archive's pictures, unpacking it the first time.

  A single folder that holds all the rest is entered.

  Raises:
    core.UserError: naming the archive, if it is damaged, hostile, too large,
      or holds no pictures.
  """
  status = os.stat(path)
  path = os.path.abspath(path)
  folder = _unpacked(path, _sha256(path, status.st_size, status.st_mtime_ns))
  while len(inside := os.listdir(folder)) == 1:
    below = os.path.join(folder, inside[0])
    if not os.path.isdir(below):
      break
    folder = below
  return folder


@functools.lru_cache(maxsize=32)
def _sha256(path: str, size: int, time: int) -> str:
  del size, time  # part of the key: a changed file is read again
  with open(path, 'rb') as file:
    return hashlib.file_digest(file, 'sha256').hexdigest()


def _unpacked(path: str, sha256: str) -> str:
  archives = home_lib.home() / 'archives'
  target = archives / sha256[:32]
  if target.is_dir():
    return str(target)
  shown = decode.printable(path)
  logging.info('data: unpacking %s (once, then kept in %s)', shown, target)
  archives.mkdir(exist_ok=True)
  temporary = pathlib.Path(tempfile.mkdtemp(prefix='.part_', dir=archives))
  try:
    count, skipped = _extract(path, temporary)
    if not count:
      raise core.UserError('it holds no pictures')
    with contextlib.suppress(OSError):  # another process was faster
      temporary.rename(target)
  except core.UserError as error:
    raise core.UserError(
      f'archive {shown!r}: {error}; unpack it yourself and pass the folder '
      'if you trust it'
    ) from None
  except Exception as error:  # the two libraries raise many kinds of errors
    text = decode.printable(str(error))[:200]
    raise core.UserError(
      f'archive {shown!r} cannot be unpacked into {archives}: {text}'
    ) from error
  finally:
    shutil.rmtree(temporary, ignore_errors=True)
  if skipped:
    logging.warning(
      'data: %d entries of %s left out, e.g. %s',
      *(len(skipped), shown, '; '.join(skipped[:3])),
    )
  return str(target)


def _extract(path: str, folder: pathlib.Path) -> tuple[int, list[str]]:
  """Write the pictures; return their number and what was left out, why."""
  limit = _Limit(MAX_RATIO * os.path.getsize(path) + _FREE_BYTES)
  count, entries, skipped = 0, 0, []
  read = _zip_entries if path.lower().endswith('.zip') else _tar_entries
  for name, file in read(path, limit):
    entries += 1
    if entries > MAX_FILES:
      raise core.UserError(f'it holds more than {MAX_FILES} entries')
    why = _refusal(name)
    if why is None and not isinstance(file, str):
      target = folder.joinpath(*name.split('/'))
      try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, 'xb') as out:
          while block := file.read(_BLOCK):
            limit.add(len(block))
            out.write(block)
        count += 1
        continue
      except (FileExistsError, NotADirectoryError):
        why = 'it comes twice'
    if file and why != '':
      skipped.append(f'{decode.printable(name)[:80]} ({why or file})')
  return count, skipped


def _refusal(name: str) -> str | None:
  """Return why an entry is left out, '' if silently; None: take it.

  Raises:
    core.UserError: it would lie outside of the folder.
  """
  parts = name.split('/')
  if name.startswith('/') or '..' in parts or '\\' in name or name[1:2] == ':':
    raise core.UserError(
      f'its entry {decode.printable(name)[:80]!r} leads out of the folder'
    )
  if any(part.startswith('.') for part in parts) or parts[0] == '__MACOSX':
    return ''
  if not name.lower().endswith(decode.SUFFIXES):
    return ''
  if _ODD.search(name) or '' in parts:
    return 'an odd name'
  if len(parts) > 32 or any(len(os.fsencode(part)) > 200 for part in parts):
    return 'too long a name'
  return None


class _Limit:
  """Counts unpacked bytes."""

  def __init__(self, most: int):
    self._left = min(most, MAX_BYTES)
    self.most = self._left

  def add(self, count: int) -> None:
    """Raise a UserError when more was unpacked than pictures would be."""
    self._left -= count
    if self._left < 0:
      raise core.UserError(
        f'it unpacks to more than {self.most} bytes, {MAX_RATIO} times its '
        'size, which pictures do not'
      )


def _zip_entries(path: str, limit: _Limit) -> Iterator[tuple[str, IO | str]]:
  """Yield every file as (name, file), or (name, why it is left out)."""
  with zipfile.ZipFile(path) as archive:
    infos = archive.infolist()
    if sum(info.file_size for info in infos) > limit.most:
      limit.add(limit.most + 1)
    for info in infos:
      mode = info.external_attr >> 16
      if info.is_dir():
        _refusal(info.filename)
      elif mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        yield info.filename, 'no plain file'
      elif info.flag_bits & 1:
        yield info.filename, 'encrypted'
      elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        yield info.filename, 'compressed in another way'
      else:
        with archive.open(info) as file:
          yield info.filename, file


def _tar_entries(path: str, limit: _Limit) -> Iterator[tuple[str, IO | str]]:
  """Yield every file as (name, file), or (name, why it is left out)."""
  opened = open if path.lower().endswith('.tar') else gzip.open
  with opened(path, 'rb') as raw:
    with tarfile.TarFile(fileobj=_Careful(raw, limit.most)) as archive:
      while (member := archive.next()) is not None:
        archive.members = []  # it would keep them all
        if member.isdir():
          _refusal(member.name)
        elif not member.isreg() or member.issparse():
          yield member.name, 'no plain file'
        else:
          yield member.name, archive.extractfile(member)


class _Careful:
  """A file for tarfile: no header is huge, and nobody skips for ever."""

  def __init__(self, raw: IO, most: int):
    self._raw, self._most = raw, 2 * most
    self.tell, self.close = raw.tell, raw.close

  def read(self, count: int) -> bytes:
    if not 0 <= count <= _MAX_READ:
      raise core.UserError(f'a header of it has {count} bytes')
    return self._raw.read(count)

  def seek(self, position: int, whence: int = 0) -> int:
    if position > self._most:
      raise core.UserError(f'an entry of it reaches to byte {position}')
    return self._raw.seek(position, whence)
