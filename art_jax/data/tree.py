"""Folders of pictures, on disk or in a .zip archive."""

import os

from art_jax import core
from art_jax.core.paths import printable
from art_jax.data import archives, listing
from art_jax.data.litter import is_litter


def is_folder(path: str) -> bool:
  """Tell whether a path is a folder, or one with pictures in a .zip."""
  return bool(archives.names(path)) or os.path.isdir(path)


def resolve(root: str | os.PathLike) -> str:
  """Return the absolute path of an existing folder, or of an archive's.

  Raises:
    UserError: it is missing or no folder, or an archive that is not fit.
  """
  path = os.path.abspath(os.path.expanduser(root))
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


def scan(root: str) -> tuple[list[str], list[tuple[str, str]]]:
  """List pictures below a folder by suffix, in a fixed order.

  Links are followed, each folder once; litter (see `litter`) is left out.

  Returns:
    Sorted paths below `root` with '/' between folders, and (path, reason) of
    folders that cannot be listed.
  """
  names = archives.names(root)
  if names is not None:
    return names, []
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
    subs[:] = sorted(sub for sub in subs if not is_litter(sub))
    names += [
      os.path.relpath(os.path.join(folder, file), root).replace(os.sep, '/')
      for file in files
      if not is_litter(file)
      and file.lower().endswith(listing.SUFFIXES)
      and not os.path.isdir(os.path.join(folder, file))
    ]
  return sorted(names), skipped


def require_pictures(root: str) -> tuple[list[str], list[tuple[str, str]]]:
  """Return what `scan` does; raises UserError where there is nothing."""
  names, skipped = scan(root)
  core.require(
    names or skipped,
    f'folder {printable(root)!r} holds 0 images '
    f'({" ".join(listing.SUFFIXES)}); pass a folder with images by '
    '--data=PATH',
  )
  return names, skipped
