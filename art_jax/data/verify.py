"""Find the pictures of a folder and decode each once before any training.

The result is kept in the user's cache folder by (path, size, time), so only
new and changed files are decoded at the next start, and those whose reading
failed for a cause that may pass (see `passing`). The same pass takes a checksum
of each file, by which `fingerprint` knows it again.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import zlib
from collections.abc import Mapping

import PIL

from art_jax import core
from art_jax.core.paths import home, printable, write_atomic
from art_jax.data import (
  archives,
  decode,
  library_messages,
  parallel,
  passing,
  shards,
  tree,
)

# Part of the cache's key: another decoder may judge a file differently.
_VERSION = f'4-{PIL.__version__}'
_SHOWN = 3  # files that an error names
_CHUNK = 2**20  # bytes that a checksum reads at once

Skipped = tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Verified:
  """The readable pictures of one folder.

  Attributes:
    root: the folder.
    names: paths below `root` with '/' between folders, sorted.
    sizes: upright (width, height) of each, in pixels.
    skipped: (path, reason) of every file or folder that cannot be read, and
      of every picture that is too small.
    marks: 'BYTES-CRC32' of each file: the same wherever it lies.
    notes: (path, note) of what was done to a picture, or was odd in its file.
    others: how many files of each other suffix are left out.
  """

  root: str
  names: tuple[str, ...]
  sizes: tuple[tuple[int, int], ...]
  skipped: Skipped
  marks: tuple[str, ...]
  notes: Skipped = ()
  others: Mapping[str, int] = dataclasses.field(default_factory=dict)

  def path(self, index: int) -> str:
    """Return the full path of picture `index`."""
    return os.path.join(self.root, self.names[index])

  def unchanged(self, index: int) -> bool:
    """Tell whether picture `index` still is what its mark says."""
    return unchanged(self.path(index), self.marks[index])


def verify(
  root: str | os.PathLike, data: core.Data, *, halves: bool = False
) -> Verified:
  """Decode every picture below a folder or in an archive fully, in threads.

  Args:
    root: the folder; sub-folders are searched too.
    data: gives `size` and `max_bad`.
    halves: the pictures are side-by-side pairs; a half must be large enough.

  Raises:
    UserError: the folder is missing or holds no pictures, or more than
      `data.max_bad` of them cannot be read, are smaller than `data.size` or
      are lost in damaged shards.
  """
  return verify_resolved(tree.resolve(root), data, halves=halves)


def verify_class(root: str, data: core.Data) -> Verified:
  """Do what `verify` does, for the folder of a class."""
  return verify_resolved(
    tree.resolve(root),
    data,
    otherwise='add pictures, remove the folder of this class, or choose the '
    'other classes by --set data.classes=...',
  )


def verify_resolved(
  root: str,
  data: core.Data,
  *,
  halves: bool = False,
  otherwise: str = tree.PASS_A_FOLDER,
) -> Verified:
  """Do what `verify` does, for a folder that `tree.resolve` may return."""
  shards.require_whole(root, data.max_bad)
  names, skipped, others = tree.require_pictures(root, otherwise)
  sizes, marks, small, notes = {}, {}, {}, []
  for name, (result, mark, said) in _decode_new(root, names).items():
    path = os.path.join(root, name)
    notes += [(path, note) for note in said]
    if isinstance(result, str):
      skipped.append((path, result))
    elif _side(result, halves) < data.size:
      small[path] = result
    else:
      sizes[name], marks[name] = (result[0], result[1]), mark
  rule = 'each half must' if halves else 'the shorter side must'
  rule = f'{rule} have data.size={data.size} pixels'
  skipped += [(path, f'{w}x{h}: {rule}') for path, (w, h) in small.items()]
  sides = [_side(size, halves) for size in small.values()]
  _require_enough(root, len(sizes), skipped, sides, data.max_bad)
  return Verified(
    root,
    names=tuple(sizes),
    sizes=tuple(sizes.values()),
    skipped=tuple(skipped),
    marks=tuple(marks.values()),
    notes=tuple(notes),
    others=others,
  )


def unchanged(path: str, mark: str) -> bool:
  """Tell whether a file, or one in a .zip, still has a mark; it is read."""
  with contextlib.suppress(OSError):
    return _mark(path) == mark
  return False


def _decode_new(
  root: str, names: list[str]
) -> dict[str, tuple[list[int] | str, str, list[str]]]:
  """Return [width, height], or why not, the mark and notes of each name.

  Only what is new is decoded.
  """
  cache = _cache_file(root)
  known = _load(cache)
  stamps = {name: _stamp(os.path.join(root, name)) for name in names}
  fresh = [name for name in names if known.get(name, [None])[0] != stamps[name]]
  unsure = set()

  def judge(index):
    path = os.path.join(root, fresh[index])
    if os.path.lexists(path) and not os.path.isfile(path):
      # A broken link, or a pipe that would block.
      return 'not a regular file', '', []
    try:
      reading = decode.read(path, 1)
      return list(reading.size), _mark(path), [*reading.notes, *heard()]
    except (decode.BadPictureError, OSError, MemoryError) as error:
      heard()  # the reason says enough
      if passing.is_passing(error):
        unsure.add(fresh[index])
      return passing.reason(error), '', []

  with library_messages.collected() as heard:
    results = parallel.map_indices(judge, len(fresh), 'verifying pictures')
  for name, result in zip(fresh, results, strict=True):
    known[name] = [stamps[name], *result]
  if fresh and cache:
    _store(cache, {n: known[n] for n in names if n not in unsure})
  return {name: tuple(known[name][1:]) for name in names}


def _mark(path: str) -> str:
  """Return 'BYTES-CRC32' of a file, read just now; raises OSError."""
  if member := archives.member(path):
    return f'{member.info.file_size}-{member.info.CRC:08x}'
  size = crc = 0
  with open(path, 'rb', buffering=0) as file:
    while chunk := file.read(_CHUNK):
      size, crc = size + len(chunk), zlib.crc32(chunk, crc)
  return f'{size}-{crc:08x}'


def _stamp(path: str) -> list[int]:
  """Return numbers that differ when the picture does; [] if it is gone."""
  with contextlib.suppress(OSError):
    if member := archives.member(path):
      return member.stamp
    status = os.stat(path)
    return [status.st_size, status.st_mtime_ns]
  return []


def _cache_file(root: str) -> pathlib.Path | None:
  digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:24]
  try:
    folder = home() / 'verified'
    folder.mkdir(exist_ok=True)
    return folder / f'{digest}.json'
  except (OSError, core.UserError):
    return None  # nowhere to keep it: every start decodes again


def _load(cache: pathlib.Path | None) -> dict[str, list]:
  try:
    content = json.loads(cache.read_text('utf-8')) if cache else {}
    return content['files'] if content.get('version') == _VERSION else {}
  except (OSError, ValueError, AttributeError, KeyError):
    return {}  # missing or damaged: decode again


def _store(cache: pathlib.Path, files: dict[str, list]) -> None:
  # Another process may write the same file: the last whole one stays.
  with contextlib.suppress(OSError):
    text = json.dumps({'version': _VERSION, 'files': files})
    write_atomic(cache, text)


def _side(size: list[int], halves: bool) -> int:
  """Return the side of a picture, or of its half, that must be long enough."""
  return min(size[0] // 2 if halves else size[0], size[1])


def _require_enough(
  root: str,
  num_good: int,
  skipped: list[tuple[str, str]],
  small: list[int],
  max_bad: float,
) -> None:
  """Raise a UserError if too many files of a folder cannot be used.

  Args:
    root: the folder.
    num_good: number of the others.
    skipped: (path, reason) of each.
    small: sides of those that are only too small.
    max_bad: share of files that may be skipped.
  """
  total = num_good + len(skipped)
  shown = '; '.join(
    f'{printable(path)!r}: {reason}' for path, reason in skipped[:_SHOWN]
  )
  advice = 'repair or remove them'
  if small:
    advice = (
      f'{len(small)} are only too small: pass --set data.size={min(small)} or '
      f'less for those; {advice}'
    )
  core.require(
    num_good and len(skipped) <= max_bad * total,
    f'{len(skipped)} of {total} files in {printable(root)!r} cannot be '
    f'{"used" if small else "read"} ({len(skipped) / total:.0%}), more than '
    f'data.max_bad={max_bad}: {shown}; {advice}, or pass '
    '--set data.max_bad=...',
  )
