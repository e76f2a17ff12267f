"""Shards of pictures as folders: .parquet, TFRecord, WebDataset .tar.

They cannot be read picture by picture, so their pictures are unpacked once,
into `ART_JAX_HOME/shards/<key>`: a plain folder, read as any other. The key is
of paths, sizes and times. Pictures have the names that the shards give them, in
a sub-folder for each class, and in one for each split where the names of the
shards tell these ('train-00000-of-00002.parquet').
"""

import functools
import hashlib
import json
import os
import pathlib
import re
import shutil
import tempfile
from collections.abc import Iterable
from typing import NamedTuple

from absl import logging

from art_jax import core
from art_jax.core.paths import home, printable
from art_jax.data import listing, parquet, tfrecord, unpack, webdataset
from art_jax.data.litter import is_litter

_VERSION = 2  # part of the key: another one may unpack otherwise
_KINDS = {
  'parquet': (re.compile(r'\.parquet$'), parquet.read),
  'TFRecord': (
    re.compile(r'\.tfrec(ord)?s?(-\d+-of-\d+)?(\.gz)?$'),
    tfrecord.read,
  ),
  'WebDataset': (re.compile(r'\.(tar|tar\.gz|tgz)$'), webdataset.read),
}
_SHOWN = 3  # damaged shards that an error names
_NOTES = 'shards.json'


class Lost(NamedTuple):
  """What is lost of one shard.

  Attributes:
    shard: its path.
    reason: what is damaged.
    count: number of pictures, in part estimated.
  """

  shard: str
  reason: str
  count: int


class Notes(NamedTuple):
  """What was found in shards when they were unpacked.

  Attributes:
    count: of pictures that could be read.
    lost: of each damaged shard.
  """

  count: int
  lost: tuple[Lost, ...]


def holds(path: str) -> bool:
  """Tell whether a path is a shard, or a folder with shards and no pictures.

  A .tar counts in a folder, or if it has classes (`.cls` beside pictures).
  """
  kind = _kind(path)
  if kind and os.path.isfile(path):
    return kind != 'WebDataset' or webdataset.has_classes(path)
  return os.path.isdir(path) and _any_shard(path) is True


def folder(path: str) -> str:
  """Return the folder of the pictures of shards, unpacking them once.

  Raises:
    core.UserError: there are several kinds, none of a kind has pictures, or
      the disk is full.
  """
  path = os.path.abspath(path)
  names = _listed(path)
  kinds = {_kind(name) for name in names}
  core.require(
    len(kinds) == 1,
    f'{printable(path)!r} holds shards of several kinds '
    f'({", ".join(sorted(kinds))}); pass a folder with those of one',
  )
  target = _home() / _key(path, names)
  if not target.is_dir():
    _unpack(path, names, kinds.pop(), target)
  return str(target / unpack.PICTURES)


def skipped(roots: Iterable[str]) -> list[tuple[str, str]]:
  """Return (shard, what is lost of it) of the shards behind some folders."""
  tops = dict.fromkeys(filter(None, map(_top, roots)))
  lost = (one for top in tops for one in _read_notes(top).lost)
  return [(one.shard, f'{one.reason}: {one.count} lost') for one in lost]


def require_whole(root: str, max_bad: float) -> None:
  """Raise a UserError if too much of the shards behind a folder is lost.

  Args:
    root: what `folder` returned, a folder in it, or any other.
    max_bad: share of the pictures that may be.
  """
  top = _top(root)
  count, lost = _read_notes(top) if top else (0, ())
  num_lost = sum(one.count for one in lost)
  total = num_lost + count
  shown = '; '.join(
    f'{printable(one.shard)!r}: {one.reason}' for one in lost[:_SHOWN]
  )
  core.require(
    num_lost <= max_bad * total,
    f'damaged shards: {len(lost)}; about {num_lost} of {total} pictures are '
    f'lost, more than data.max_bad={max_bad}: {shown}; get these files again, '
    'or pass --set data.max_bad=...',
  )


def _top(root: str) -> str:
  """Return the folder with the notes above a folder of pictures, or ''."""
  try:
    parts = pathlib.Path(root).relative_to(_home()).parts
  except (ValueError, core.UserError):
    return ''
  return str(_home() / parts[0]) if parts else ''


def _home() -> pathlib.Path:
  return pathlib.Path(os.path.abspath(home() / 'shards'))


@functools.lru_cache(maxsize=32)
def _read_notes(top: str) -> Notes:
  content = json.loads(pathlib.Path(top, _NOTES).read_text('utf-8'))
  return Notes(content['count'], tuple(Lost(*row) for row in content['lost']))


def _kind(name: str) -> str:
  lower = name.lower()
  for kind, (pattern, _) in _KINDS.items():
    if pattern.search(lower):
      return kind
  return ''


def _any_shard(path: str) -> bool | None:
  """Tell whether there are shards (True), or pictures too (False), or none."""
  result, below = None, []
  try:
    with os.scandir(path) as entries:
      for entry in entries:
        if is_litter(entry.name):
          continue
        if entry.is_dir():
          below.append(entry.path)
        elif entry.name.lower().endswith(listing.SUFFIXES):
          return False
        elif _kind(entry.name):
          result = True
  except OSError:
    return None
  for folder in sorted(below):
    if os.path.islink(folder):
      continue
    inside = _any_shard(folder)
    if inside is False:
      return False
    result = result or inside
  return result


def _listed(path: str) -> list[str]:
  """Return the shards below a folder, relative to it; of a shard its name."""
  if os.path.isfile(path):
    return [os.path.basename(path)]
  names = []
  for folder, subs, files in os.walk(path):
    subs[:] = [sub for sub in subs if not is_litter(sub)]
    names += [
      os.path.relpath(os.path.join(folder, file), path).replace(os.sep, '/')
      for file in files
      if _kind(file) and not is_litter(file)
    ]
  return sorted(names)


def _key(path: str, names: list[str]) -> str:
  root = path if os.path.isdir(path) else os.path.dirname(path)
  stamps = []
  for name in names:
    status = os.stat(os.path.join(root, name))
    stamps.append([name, status.st_size, status.st_mtime_ns])
  text = json.dumps([_VERSION, path, stamps])
  return hashlib.sha256(os.fsencode(text)).hexdigest()[:32]


def _unpack(
  path: str, names: list[str], kind: str, target: pathlib.Path
) -> None:
  logging.info(
    'data: unpacking %d %s files of %s (once, then kept in %s)',
    len(names),
    kind,
    printable(path),
    target,
  )
  root = path if os.path.isdir(path) else os.path.dirname(path)
  target.parent.mkdir(exist_ok=True)
  temporary = tempfile.mkdtemp(prefix='.part_', dir=target.parent)
  try:
    counts, lost = unpack.unpack(root, names, _KINDS[kind][1], temporary)
    found = Notes(sum(counts), tuple(_estimated(root, names, counts, lost)))
    core.require(found.count, _nothing(path, kind, found))
    content = {'count': found.count, 'lost': found.lost, 'path': path}
    pathlib.Path(temporary, _NOTES).write_text(json.dumps(content), 'utf-8')
    try:
      os.rename(temporary, target)
    except OSError:
      if not target.is_dir():  # else another process was faster
        raise
  except OSError as error:
    raise core.UserError(
      f'{printable(path)!r} cannot be unpacked into {str(target)!r} '
      f'({error.strerror or error}); free some space, or set ART_JAX_HOME to a '
      'folder on another disk'
    ) from error
  finally:
    shutil.rmtree(temporary, ignore_errors=True)


def _estimated(
  root: str,
  names: list[str],
  counts: list[int],
  lost: list[list[tuple[str, int | None]]],
) -> list[Lost]:
  """Return what is lost; an unknown rest is what the other shards have."""
  whole = [n for n, damage in zip(counts, lost, strict=True) if not damage]
  usual = max(whole or counts, default=0)
  return [
    Lost(
      os.path.join(root, name),
      '; '.join(dict.fromkeys(reason for reason, _ in damage[:_SHOWN])),
      sum(max(1, usual - count) if n is None else n for _, n in damage),
    )
    for name, count, damage in zip(names, counts, lost, strict=True)
    if damage
  ]


def _nothing(path: str, kind: str, found: Notes) -> str:
  reasons = '; '.join(
    f'{printable(one.shard)!r}: {one.reason}' for one in found.lost[:_SHOWN]
  )
  return (
    f'{printable(path)!r}: no picture can be read from its {kind} files'
    f'{reasons and ": "}{reasons}; pass a folder of pictures, or other shards'
  )
