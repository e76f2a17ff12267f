"""Archives of pictures as folders: .zip, .tar, .tar.gz, .tgz.

A .zip is read in place, by random access: `x.zip/a/b.png` is the path of a
picture in it. A .tar is unpacked once per content, into
`ART_JAX_HOME/archives/<sha256>`, its tables (.csv) beside that. Nothing but
pictures and tables is taken. An entry that leads
out of the folder ends the reading, and so does an archive that unpacks to too
much; links, devices and names that cannot be files are left out.
"""

import bisect
import errno
import functools
import os
import posixpath
import re
import stat
import zipfile
from collections.abc import Iterator
from typing import NamedTuple

from art_jax.data import archive_entries, tars
from art_jax.data.archive_entries import Entry

SUFFIXES = ('.zip', '.tar', '.tar.gz', '.tgz')
_ZIP_END = re.compile(r'\.zip(?=/|$)', re.IGNORECASE)


class Member(NamedTuple):
  """A picture or table in a .zip; threads may read several at once.

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
  names: list[str]  # of the pictures, sorted
  others: list[str]  # of files of other kinds, sorted


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
  root = tars.unpacked(path)
  while len(inside := os.listdir(root)) == 1:
    below = os.path.join(root, inside[0])
    if not os.path.isdir(below):
      break
    root = below
  return root


def with_table(path: str, table: str) -> tuple[str, str]:
  """Return the folder of an archive's pictures that has a table, and that.

  Args:
    path: of the archive.
    table: its name, e.g. 'labels.csv'.

  Returns:
    The innermost folder with the table around all pictures (without one,
    what `folder` returns), and the path of the table for `read`.
  """
  inner = folder(path)
  top = tables = os.path.abspath(path)
  if names(top) is None:
    top, tables = tars.unpacked(top), tars.tables(top)
  below = os.path.relpath(inner, top)
  while not exists(file := os.path.normpath(f'{tables}/{below}/{table}')):
    if below in ('', '.'):
      return inner, os.path.join(inner, table)
    below = os.path.dirname(below)
  return os.path.normpath(os.path.join(top, below)), file


def exists(path: str) -> bool:
  """Tell whether a path is a file, also one in a .zip."""
  try:
    return member(path) is not None or os.path.isfile(path)
  except FileNotFoundError:
    return False


def read(path: str) -> bytes:
  """Return the content of a file, also of one in a .zip; raises OSError."""
  if inside := member(path):
    return inside.read()
  with open(path, 'rb') as file:
    return file.read()


def names(path: str) -> list[str] | None:
  """Return the pictures below a folder of a .zip; None: it is in none.

  They are sorted, relative to the folder, with '/' between folders.
  """
  inside = _inside(path)
  return inside and _below(inside[0].names, inside[1])


def others(path: str) -> list[str]:
  """Return the files of other kinds below a folder of a .zip, as `names`."""
  inside = _inside(path)
  return _below(inside[0].others, inside[1]) if inside else []


def _below(every: list[str], folder: str) -> list[str]:
  prefix = f'{folder}/' if folder else ''
  first = bisect.bisect_left(every, prefix)
  last = bisect.bisect_left(every, f'{prefix}\U0010ffff')
  return [name.removeprefix(prefix) for name in every[first:last]]


def member(path: str) -> Member | None:
  """Return a picture or table of a .zip; None: the path leads into none.

  Raises:
    FileNotFoundError: the archive has none of that name.
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
  with archive_entries.explained(path, 'read'):
    # Given as a file: ZipFile, which counts its readers, never closes it.
    archive = zipfile.ZipFile(open(path, 'rb'))
    entries = archive_entries.pictures(path, _zip_entries(archive))
    members = {e.name: Member(archive, e.item, time) for e in entries}
    return _Zip(
      members,
      sorted(filter(archive_entries.is_picture, members)),
      sorted(filter(archive_entries.is_other, archive.namelist())),
    )


def _zip_entries(archive: zipfile.ZipFile) -> Iterator[Entry]:
  for info in archive.infolist():
    trouble = ''
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
      trouble = 'no plain file'
    elif info.flag_bits & 1:
      trouble = 'encrypted'
    elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
      trouble = 'compressed in another way'
    yield Entry(info.filename, info.file_size, trouble, info)
