"""Folders and archives of pictures that runs may be given, named by ids."""

import hashlib
import os
import pathlib
from typing import Any

from art_jax import core
from art_jax.core import paths

_DEPTH = 3
_MOST = 500
_ARCHIVES = ('.zip', '.tar', '.tgz', '.tar.gz', '.npz')


class DataRoot:
  """What lies below a folder; links that lead out of it are not followed."""

  def __init__(self, root: pathlib.Path | None):
    self._root = None
    if root is not None:
      self._root = pathlib.Path(os.path.realpath(root.expanduser()))
      core.require(
        self._root.is_dir(), f'--data_root={root}: it is no folder; pass one'
      )

  def entries(self) -> list[dict[str, Any]]:
    """Return {'id', 'name'} of each folder and archive, by name."""
    return [
      {'id': _id(name), 'name': paths.printable(name)} for name in self._names()
    ]

  def find(self, id: str) -> pathlib.Path:
    """Return a folder or an archive by its id.

    Raises:
      core.UserError: there is none.
    """
    for name in self._names():
      if _id(name) == id:
        assert self._root is not None
        return self._root / name
    raise core.UserError(
      'there is no such folder of pictures below --data_root; reload the page'
    )

  def holds(self, path: str) -> bool:
    """Tell whether a path lies below the root, links resolved."""
    return self._root is not None and pathlib.Path(
      os.path.realpath(path)
    ).is_relative_to(self._root)

  def _names(self) -> list[str]:
    if self._root is None:
      return []
    found, ahead = [], [('.', 0)]
    while ahead and len(found) < _MOST:
      name, depth = ahead.pop(0)
      for item in self._listed(name):
        below = os.path.normpath(os.path.join(name, item.name))
        if item.is_dir():
          found.append(below)
          if depth + 1 < _DEPTH:
            ahead.append((below, depth + 1))
        elif item.name.lower().endswith(_ARCHIVES):
          found.append(below)
    return sorted(found)

  def _listed(self, name: str) -> list[os.DirEntry]:
    assert self._root is not None
    try:
      with os.scandir(self._root / name) as items:
        return [
          item
          for item in sorted(items, key=lambda item: item.name)
          if not item.name.startswith('.')
          and (not item.is_symlink() or self.holds(item.path))
        ]
    except OSError:
      return []


def _id(name: str) -> str:
  return hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
