"""Find the pictures of a folder and decode each once before any training.

The result is kept in the user's cache folder by (path, size, time), so only
new and changed files are decoded at the next start.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib

import PIL

from art_jax import core
from art_jax.core import paths as home_lib
from art_jax.core.paths import write_atomic
from art_jax.data import archives, decode, parallel

# Part of the cache's key: another decoder may judge a file differently.
_VERSION = f'1-{PIL.__version__}'
_SHOWN = 3  # files that an error names

Skipped = tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Verified:
  """The readable pictures of one folder.

  Attributes:
    root: the folder.
    names: paths below `root` with '/' between folders, sorted.
    sizes: upright (width, height) of each, in pixels.
    skipped: (path, reason) of every file or folder that cannot be read.
  """

  root: str
  names: tuple[str, ...]
  sizes: tuple[tuple[int, int], ...]
  skipped: Skipped

  def path(self, index: int) -> str:
    """Return the full path of picture `index`."""
    return os.path.join(self.root, self.names[index])


def verify(
  root: str | os.PathLike, data: core.Data, *, halves: bool = False
) -> Verified:
  """Decode every picture below a folder fully, in threads.

  Args:
    root: the folder; sub-folders are searched too.
    data: gives `size` and `max_bad`.
    halves: the pictures are side-by-side pairs; a half must be large enough.

  Raises:
    UserError: the folder is missing or holds no pictures; more than
      `data.max_bad` of them cannot be read; or one is smaller than
      `data.size`.
  """
  root = check_folder(root)
  names, skipped = scan(root)
  if not names and not skipped:
    raise core.UserError(
      f'folder {decode.printable(root)!r} holds 0 images '
      f'({" ".join(decode.SUFFIXES)}); pass a folder with images by '
      '--data=PATH'
    )
  found = _decode_new(root, names)
  good = [name for name in names if isinstance(found[name], tuple)]
  skipped += [
    (os.path.join(root, name), found[name])
    for name in names
    if not isinstance(found[name], tuple)
  ]
  _check_share(root, len(good), skipped, data.max_bad)
  sizes = tuple(found[name] for name in good)
  _check_sizes(root, good, sizes, data.size, halves)
  return Verified(root, tuple(good), sizes, tuple(skipped))


def check_folder(root: str | os.PathLike) -> str:
  """Return the absolute path of an existing folder, or of an archive's.

  Raises:
    UserError: it is missing or no folder, or an archive that is not fit.
  """
  path = os.path.abspath(os.path.expanduser(root))
  if archives.is_archive(path):
    return archives.unpacked(path)
  if not os.path.isdir(path):
    what = 'is a file' if os.path.exists(path) else 'does not exist'
    raise core.UserError(
      f'folder {decode.printable(str(root))!r} {what}; pass the folder of the '
      'pictures by --data=PATH'
    )
  return path


def scan(root: str) -> tuple[list[str], list[tuple[str, str]]]:
  """List pictures below a folder by suffix, in a fixed order.

  Links are followed, each folder once; hidden files and folders are left out.

  Returns:
    Sorted paths below `root` with '/' between folders, and (path, reason) of
    folders that cannot be listed.
  """
  names, skipped, seen = [], [], set()

  def unreadable(error):
    skipped.append((error.filename, f'folder: {error.strerror}'))

  for folder, subs, files in os.walk(
    root, followlinks=True, onerror=unreadable
  ):
    status = os.stat(folder)
    identity = status.st_dev, status.st_ino
    if identity in seen:  # a loop of links
      subs.clear()
      continue
    seen.add(identity)
    subs[:] = sorted(sub for sub in subs if not sub.startswith('.'))
    names += [
      os.path.relpath(os.path.join(folder, file), root).replace(os.sep, '/')
      for file in files
      if not file.startswith('.')
      and file.lower().endswith(decode.SUFFIXES)
      and not os.path.isdir(os.path.join(folder, file))
    ]
  return sorted(names), skipped


def _decode_new(root: str, names: list[str]) -> dict[str, tuple | str]:
  """Return (width, height), or why not, of each name; decode what is new."""
  cache = _cache_file(root)
  known = _load(cache)
  stamps = [_stamp(os.path.join(root, name)) for name in names]
  fresh = [
    (name, stamp)
    for name, stamp in zip(names, stamps, strict=True)
    if known.get(name, [None])[0] != stamp
  ]

  def judge(index):
    name, _ = fresh[index]
    path = os.path.join(root, name)
    if os.path.lexists(path) and not os.path.isfile(path):
      return 'not a regular file'  # a broken link, or a pipe that would block
    try:
      return decode.probe(path)
    except decode.BadPictureError as error:
      return error.reason

  results = parallel.map_indices(judge, len(fresh), 'verifying pictures')
  for (name, stamp), result in zip(fresh, results, strict=True):
    known[name] = [stamp, result]
  if fresh:
    _store(cache, {name: known[name] for name in names})
  return {
    name: known[name][1]
    if isinstance(known[name][1], str)
    else tuple(known[name][1])
    for name in names
  }


def _stamp(path: str) -> list[int]:
  try:
    status = os.stat(path)
  except OSError:
    return []
  return [status.st_size, status.st_mtime_ns]


def _cache_file(root: str) -> pathlib.Path | None:
  digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:24]
  try:
    folder = home_lib.home() / 'verified'
    folder.mkdir(exist_ok=True)
    return folder / f'{digest}.json'
  except (OSError, core.UserError):
    return None  # nowhere to keep it: every start decodes again


def _load(cache: pathlib.Path | None) -> dict[str, list]:
  try:
    content = json.loads(cache.read_text()) if cache else {}
    return content['files'] if content.get('version') == _VERSION else {}
  except (OSError, ValueError, AttributeError, KeyError):
    return {}  # missing or damaged: decode again


def _store(cache: pathlib.Path | None, files: dict[str, list]) -> None:
  if cache is None:
    return
  # Another process may write the same file: the last whole one stays.
  with contextlib.suppress(OSError):
    text = json.dumps({'version': _VERSION, 'files': files})
    write_atomic(cache, text.encode())


def _check_share(root, num_good, skipped, max_bad):
  total = num_good + len(skipped)
  if num_good and len(skipped) <= max_bad * total:
    return
  shown = '; '.join(
    f'{decode.printable(path)!r}: {reason}' for path, reason in skipped[:_SHOWN]
  )
  raise core.UserError(
    f'{len(skipped)} of {total} files in {decode.printable(root)!r} cannot be '
    f'read ({len(skipped) / total:.0%}), more than data.max_bad={max_bad}: '
    f'{shown}; repair or remove them, or pass --set data.max_bad=...'
  )


def _check_sizes(root, names, sizes, size, halves):
  small = []
  for name, (width, height) in zip(names, sizes, strict=True):
    side = min(width // 2 if halves else width, height)
    if side < size:
      small.append((side, f'{decode.printable(name)!r} is {width}x{height}'))
  if small:
    rule = 'each half must' if halves else 'the shorter side must'
    shown = ', '.join(text for _, text in small[:_SHOWN])
    raise core.UserError(
      f'{len(small)} of {len(names)} pictures in {decode.printable(root)!r} '
      f'are too small: {shown}; {rule} have data.size={size} pixels; pass '
      f'--set data.size={min(side for side, _ in small)} or less, or remove '
      'the small ones'
    )
