"""Folders of pictures: on disk, in an archive, in shards, on the hub."""

import collections
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from art_jax import core
from art_jax.core import hub
from art_jax.core.paths import printable
from art_jax.data import archives, hub_data, listing, shards
from art_jax.data.litter import is_litter

PASS_A_FOLDER = 'pass a folder with images by --data=PATH'


def is_folder(path: str) -> bool:
  """Tell whether a path is a folder, or one with pictures in a .zip."""
  return bool(archives.names(path)) or os.path.isdir(path)


def resolve(root: str | os.PathLike) -> str:
  """Return the absolute path of an existing folder.

  That of an archive, of shards or of a set of the hub is made first.

  Raises:
    UserError: it is missing or no folder, or what makes it is not fit.
  """
  if hub.is_name(root):
    root = hub_data.folder(str(root))
  path = os.path.abspath(os.path.expanduser(root))
  if shards.holds(path):
    return shards.folder(path)
  if archives.is_archive(path):
    return archives.folder(path)
  state = 'is a file' if os.path.exists(path) else 'does not exist'
  core.require(
    is_folder(path),
    f'folder {printable(str(root))!r} {state}; pass the folder of the '
    'pictures by --data=PATH',
  )
  return path


def sub_folders(root: str) -> list[str]:
  """Return the names of the folders right below a folder, sorted.

  Litter, such as hidden ones and `__MACOSX`, is left out.
  """
  names = archives.names(root)
  if names is not None:
    return sorted({name.partition('/')[0] for name in names if '/' in name})
  with os.scandir(root) as entries:
    return sorted(
      entry.name
      for entry in entries
      if entry.is_dir() and not is_litter(entry.name)
    )


class Survey(NamedTuple):
  """What lies below a folder, litter (see `litter`) apart.

  Attributes:
    names: sorted paths of the pictures, with '/' between folders.
    skipped: (path, reason) of folders that cannot be listed.
    others: how many files of each other suffix there are; tables are none.
  """

  names: list[str]
  skipped: list[tuple[str, str]]
  others: collections.Counter[str]


def scan(root: str) -> tuple[list[str], list[tuple[str, str]]]:
  """Return the names and the unreadable folders of `survey`."""
  return survey(root)[:2]


def survey(root: str) -> Survey:
  """List the files below a folder, pictures by suffix, in a fixed order.

  Links are followed, each folder once.
  """
  names = archives.names(root)
  if names is not None:
    return Survey(names, [], listing.by_suffix(archives.others(root)))
  names, others, skipped = [], [], []

  def unreadable(error):
    skipped.append((error.filename, f'folder: {error.strerror}'))

  for path in _files(root, unreadable):
    if not path.lower().endswith(listing.SUFFIXES):
      others.append(os.path.basename(path))
      continue
    names.append(os.path.relpath(path, root).replace(os.sep, '/'))
  return Survey(sorted(names), skipped, listing.by_suffix(others))


def has_pictures(root: str) -> bool:
  """Tell whether a folder has pictures, or cannot be listed to the end.

  One without is no part of a layout: archives do not even list it.
  """
  names = archives.names(root)
  if names is not None:
    return bool(names)
  errors: list[OSError] = []
  files = _files(root, errors.append)
  found = any(path.lower().endswith(listing.SUFFIXES) for path in files)
  return found or bool(errors)


def _files(root: str, unreadable: Callable[[OSError], object]) -> Iterator[str]:
  """Yield the paths of the files below a folder, without litter."""
  seen = set()
  for folder, subs, files in os.walk(
    root, followlinks=True, onerror=unreadable
  ):
    status = os.stat(folder)
    identity = status.st_dev, status.st_ino
    if identity in seen:  # a loop of links
      subs.clear()
      continue
    seen.add(identity)
    subs[:] = sorted(sub for sub in subs if not is_litter(sub))
    for file in files:
      path = os.path.join(folder, file)
      if not (is_litter(file) or os.path.isdir(path)):
        yield path


def require_pictures(root: str, otherwise: str = PASS_A_FOLDER) -> Survey:
  """Return what `survey` does; raises UserError where there is nothing.

  Args:
    root: the folder.
    otherwise: what the user does about a folder without pictures.
  """
  found = survey(root)
  left_out = listing.left_out(found.others)
  core.require(
    found.names or found.skipped,
    f'folder {printable(root)!r} holds 0 images '
    f'({" ".join(listing.SUFFIXES)}){left_out and f": {left_out}"}; '
    f'{otherwise}',
  )
  return found
