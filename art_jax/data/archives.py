"""Archives of pictures as folders: .zip, .tar, .tar.gz, .tgz.

A .zip is read in place, by random access: `x.zip/a/b.png` is the path of a
picture in it. A .tar is unpacked once per content, into
`ART_JAX_HOME/archives/<sha256>`. Only pictures are taken. An entry that leads
out of the folder ends the reading, and so does an archive that unpacks to too
much; links, devices and names that cannot be files are left out.
"""

import bisect
import contextlib
import errno
import functools
import gzip
import hashlib
import itertools
import os
import posixpath
import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from absl import logging

from art_jax import core
from art_jax.core import paths
from art_jax.core.paths import printable
from art_jax.data import listing

SUFFIXES = ('.zip', '.tar', '.tar.gz', '.tgz')
MAX_BYTES = 256 * 2**30
MAX_FILES = 2_000_000
# Pictures are compressed already. Small archives may be of one color.
MAX_RATIO = 100
_FREE_BYTES = 64 * 2**20
# Of a header, which is read at once.
_MAX_READ = 4 * 2**20
_ODD = re.compile('[\x00-\x1f\x7f\ud800-\udfff]')
_ZIP_END = re.compile(r'\.zip(?=/|$)', re.IGNORECASE)


class _Entry(NamedTuple):
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


class Member(NamedTuple):
  """A picture in a .zip; threads may read several at once.

  Attributes:
    archive: its seeks and reads are locked by ZipFile.
    info: of the picture.
    time: when the archive was written, in ns.
  """

  archive: zipfile.ZipFile
  info: zipfile.ZipInfo
  time: int

  @property
  def stamp(self) -> list[int]:
    """Numbers that differ when the picture does."""
    return [self.info.file_size, self.info.CRC, self.time]

  def read(self) -> bytes:
    """Return its bytes; raises an Exception of zipfile if it is damaged."""
    with self.archive.open(self.info) as file:
      # With a length, so that it unpacks to no more than the archive says.
      return file.read(self.info.file_size + 1)


class _Zip(NamedTuple):
  members: dict[str, Member]
  names: list[str]  # sorted


def is_archive(path: str) -> bool:
  """Tell whether a path is a file with the name of an archive."""
  return path.lower().endswith(SUFFIXES) and os.path.isfile(path)


def folder(path: str) -> str:
  """Return the folder of an archive's pictures, unpacking a .tar once.

  That of a .zip is a path into it, which `names` and `member` know. A single
  folder that holds all the rest is entered.

  Raises:
    core.UserError: naming the archive, if it is damaged, hostile, too large,
      or holds no pictures.
  """
  path = os.path.abspath(path)
  pictures = names(path)
  if pictures is not None:  # sorted: what first and last share, all share
    ends = [posixpath.dirname(name) for name in (pictures[0], pictures[-1])]
    return os.path.join(path, posixpath.commonpath(ends)).rstrip('/')
  status = os.stat(path)
  root = _unpacked(path, _sha256(path, status.st_size, status.st_mtime_ns))
  while len(inside := os.listdir(root)) == 1:
    below = os.path.join(root, inside[0])
    if not os.path.isdir(below):
      break
    root = below
  return root


def names(path: str) -> list[str] | None:
  """Return the pictures below a folder of a .zip; None: it is in none.

  They are sorted, relative to the folder, with '/' between folders.
  """
  if (inside := _inside(path)) is None:
    return None
  prefix = f'{inside[1]}/' if inside[1] else ''
  every = inside[0].names
  first = bisect.bisect_left(every, prefix)
  last = bisect.bisect_left(every, f'{prefix}\U0010ffff')
  return [name.removeprefix(prefix) for name in every[first:last]]


def member(path: str) -> Member | None:
  """Return a picture of a .zip; None: the path leads into none.

  Raises:
    FileNotFoundError: the archive has no such picture.
  """
  if (inside := _inside(path)) is None:
    return None
  archive, name = inside
  if name not in archive.members:
    raise FileNotFoundError(errno.ENOENT, 'it is not in the archive', path)
  return archive.members[name]


def _inside(path: str) -> tuple[_Zip, str] | None:
  """Split a path into the .zip that it leads into and the name in there."""
  path = path.replace(os.sep, '/')
  for match in _ZIP_END.finditer(path):
    file = path[: match.end()]
    if os.path.isfile(file):
      status = os.stat(file)
      # A changed file is opened anew; a forked process needs its own handle.
      key = (status.st_size, status.st_mtime_ns, os.getpid())
      return _open_zip(file, *key), path[match.end() + 1 :]
  return None


@functools.lru_cache(maxsize=8)
def _open_zip(path: str, size: int, time: int, process: int) -> _Zip:
  del size, process  # parts of the key
  with _explained(path, 'read'):
    # Given as a file: ZipFile, which counts its readers, never closes it.
    archive = zipfile.ZipFile(open(path, 'rb'))
    entries = _pictures(path, _zip_entries(archive))
    members = {e.name: Member(archive, e.item, time) for e in entries}
    return _Zip(members, sorted(members))


@functools.lru_cache(maxsize=32)
def _sha256(path: str, size: int, time: int) -> str:
  del size, time  # part of the key: a changed file is read again
  with open(path, 'rb') as file:
    return hashlib.file_digest(file, 'sha256').hexdigest()


def _unpacked(path: str, sha256: str) -> str:
  """Return the folder that holds the pictures of a .tar."""
  archives = paths.home() / 'archives'
  target = archives / sha256[:32]
  if target.is_dir():
    return str(target)
  logging.info(
    'data: unpacking %s (once, then kept in %s)', printable(path), target
  )
  archives.mkdir(exist_ok=True)
  temporary = tempfile.mkdtemp(prefix='.part_', dir=archives)
  try:
    with _explained(path, f'unpacked into {archives}'):
      with _open_tar(path) as archive:
        for entry in _pictures(path, _tar_entries(archive)):
          archive.extract(entry.item, temporary, filter='data')
    with contextlib.suppress(OSError):  # another process was faster
      os.rename(temporary, target)
  finally:
    shutil.rmtree(temporary, ignore_errors=True)
  return str(target)


@contextlib.contextmanager
def _explained(path: str, what: str) -> Iterator[None]:
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


def _pictures(path: str, entries: Iterable[_Entry]) -> Iterator[_Entry]:
  """Yield the pictures, each once, and warn of what else looks like some.

  Raises:
    core.UserError: an entry leads out of the folder, the archive is too large
      or holds no pictures.
  """
  most = _most_bytes(path)
  files, folders, skipped, size = set(), set(), [], 0
  for count, entry in enumerate(entries, 1):
    size += entry.size
    if count > MAX_FILES:
      raise core.UserError(f'it holds more than {MAX_FILES} entries')
    if size > most:
      raise core.UserError(
        f'it unpacks to more than {most} bytes, {MAX_RATIO} times its size, '
        'which pictures do not'
      )
    if not _is_picture(entry.name):
      continue
    above = entry.name.split('/')[:-1]
    parents = set(itertools.accumulate(above, posixpath.join))
    trouble = _bad_name(entry.name) or entry.trouble
    if entry.name in files or entry.name in folders or parents & files:
      trouble = trouble or 'it comes twice'
    if trouble:
      skipped.append(f'{printable(entry.name)[:80]} ({trouble})')
      continue
    files.add(entry.name)
    folders |= parents
    yield entry
  if skipped:
    logging.warning(
      'data: %d entries of %s left out, e.g. %s',
      len(skipped),
      printable(path),
      '; '.join(skipped[:3]),
    )
  if not files:
    raise core.UserError('it holds no pictures')


def _most_bytes(path: str) -> int:
  return min(MAX_RATIO * os.path.getsize(path) + _FREE_BYTES, MAX_BYTES)


def _is_picture(name: str) -> bool:
  """Tell whether an entry has the name of a picture that is not hidden.

  Raises:
    core.UserError: it would lie outside of the folder.
  """
  parts = name.split('/')
  if name.startswith('/') or '..' in parts or '\\' in name or name[1:2] == ':':
    raise core.UserError(
      f'its entry {printable(name)[:80]!r} leads out of the folder'
    )
  hidden = any(part.startswith('.') for part in parts)
  return (
    name.lower().endswith(listing.SUFFIXES)
    and not hidden
    and parts[0] != '__MACOSX'
  )


def _bad_name(name: str) -> str:
  """Return why a name cannot be a file's; '' if it can."""
  parts = name.split('/')
  if _ODD.search(name) or '' in parts:
    return 'an odd name'
  if len(parts) > 32 or any(len(os.fsencode(part)) > 200 for part in parts):
    return 'too long a name'
  return ''


def _zip_entries(archive: zipfile.ZipFile) -> Iterator[_Entry]:
  for info in archive.infolist():
    trouble = ''
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
      trouble = 'no plain file'
    elif info.flag_bits & 1:
      trouble = 'encrypted'
    elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
      trouble = 'compressed in another way'
    yield _Entry(info.filename, info.file_size, trouble, info)


def _tar_entries(archive: tarfile.TarFile) -> Iterator[_Entry]:
  while (info := archive.next()) is not None:
    archive.members = []  # pyright: ignore  (it would keep them all)
    plain = info.isdir() or (info.isreg() and not info.issparse())
    name = info.name.removeprefix('./') + '/' * info.isdir()
    yield _Entry(name, info.size, '' if plain else 'no plain file', info)


@contextlib.contextmanager
def _open_tar(path: str) -> Iterator[tarfile.TarFile]:
  opened = open if path.lower().endswith('.tar') else gzip.open
  with opened(path, 'rb') as raw:
    file: Any = _Careful(raw, 2 * _most_bytes(path))
    with tarfile.TarFile(fileobj=file) as archive:
      yield archive


class _Careful:
  """A file for tarfile: no header is huge, and nobody skips for ever."""

  def __init__(self, raw: Any, most: int):
    self._raw, self._most = raw, most
    self.tell, self.close = raw.tell, raw.close

  def read(self, count: int) -> bytes:
    if not 0 <= count <= _MAX_READ:
      raise core.UserError(f'a header of it has {count} bytes')
    return self._raw.read(count)

  def seek(self, position: int, whence: int = 0) -> int:
    if position > self._most:
      raise core.UserError(f'an entry of it reaches to byte {position}')
    return self._raw.seek(position, whence)
