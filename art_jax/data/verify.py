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
from art_jax.core.paths import home, printable, write_atomic
from art_jax.data import archives, decode, parallel, tree

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
  root = tree.resolve(root)
  names, skipped = tree.require_pictures(root)
  results = _decode_new(root, names)
  skipped += [
    (os.path.join(root, name), reason)
    for name, reason in results.items()
    if isinstance(reason, str)
  ]
  sizes = {
    name: (size[0], size[1])
    for name, size in results.items()
    if not isinstance(size, str)
  }
  _require_enough_readable(root, len(sizes), skipped, data.max_bad)
  _require_large_enough(root, sizes, data.size, halves)
  return Verified(root, tuple(sizes), tuple(sizes.values()), tuple(skipped))


def _decode_new(root: str, names: list[str]) -> dict[str, list[int] | str]:
  """Return [width, height], or why not, of each name; decode what is new."""
  cache = _cache_file(root)
  known = _load(cache)
  stamps = {name: _stamp(os.path.join(root, name)) for name in names}
  fresh = [name for name in names if known.get(name, [None])[0] != stamps[name]]

  def judge(index):
    path = os.path.join(root, fresh[index])
    if os.path.lexists(path) and not os.path.isfile(path):
      return 'not a regular file'  # a broken link, or a pipe that would block
    try:
      return list(decode.probe(path))
    except decode.BadPictureError as error:
      return error.reason

  results = parallel.map_indices(judge, len(fresh), 'verifying pictures')
  for name, result in zip(fresh, results, strict=True):
    known[name] = [stamps[name], result]
  if fresh and cache:
    _store(cache, {name: known[name] for name in names})
  return {name: known[name][1] for name in names}


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
    content = json.loads(cache.read_text()) if cache else {}
    return content['files'] if content.get('version') == _VERSION else {}
  except (OSError, ValueError, AttributeError, KeyError):
    return {}  # missing or damaged: decode again


def _store(cache: pathlib.Path, files: dict[str, list]) -> None:
  # Another process may write the same file: the last whole one stays.
  with contextlib.suppress(OSError):
    text = json.dumps({'version': _VERSION, 'files': files})
    write_atomic(cache, text.encode())


def _require_enough_readable(
  root: str, num_good: int, skipped: list[tuple[str, str]], max_bad: float
) -> None:
  total = num_good + len(skipped)
  shown = '; '.join(
    f'{printable(path)!r}: {reason}' for path, reason in skipped[:_SHOWN]
  )
  core.require(
    num_good and len(skipped) <= max_bad * total,
    f'{len(skipped)} of {total} files in {printable(root)!r} cannot be '
    f'read ({len(skipped) / total:.0%}), more than data.max_bad={max_bad}: '
    f'{shown}; repair or remove them, or pass --set data.max_bad=...',
  )


def _require_large_enough(
  root: str, sizes: dict[str, tuple[int, int]], size: int, halves: bool
) -> None:
  small = [
    (side, f'{printable(name)!r} is {width}x{height}')
    for name, (width, height) in sizes.items()
    if (side := min(width // 2 if halves else width, height)) < size
  ]
  if small:
    rule = 'each half must' if halves else 'the shorter side must'
    shown = ', '.join(text for _, text in small[:_SHOWN])
    raise core.UserError(
      f'{len(small)} of {len(sizes)} pictures in {printable(root)!r} '
      f'are too small: {shown}; {rule} have data.size={size} pixels; pass '
      f'--set data.size={min(side for side, _ in small)} or less, or remove '
      'the small ones'
    )
