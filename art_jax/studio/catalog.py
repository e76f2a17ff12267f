"""Which runs a folder holds. A browser names them by ids, never by paths."""

import dataclasses
import hashlib
import os
import pathlib
import threading
import time

from art_jax import core
from art_jax.core import paths

_DEPTH = 4  # folders below the root that are looked into
_MOST = 5000  # runs
_FRESH = 2.0  # seconds that a listing is kept
_MARKS = ('config.txt', 'metrics.jsonl')
_SKIPPED = {'checkpoints', 'images', 'tensorboard', 'data', 'painted'}


class GoneError(core.UserError):
  """There is no such run, or it was removed meanwhile."""


@dataclasses.dataclass(frozen=True)
class Entry:
  """A run folder.

  Attributes:
    id: what a browser calls it.
    name: its path below the root.
    path: the folder.
  """

  id: str
  name: str
  path: pathlib.Path


class Catalog:
  """The run folders below a folder, looked up anew every few seconds.

  Links are followed to a run but not beyond the root.
  """

  def __init__(self, root: pathlib.Path):
    self.root = root
    self._real = pathlib.Path(os.path.realpath(root))
    self._lock = threading.Lock()
    self._entries: dict[str, Entry] = {}
    self._listed = -_FRESH

  def entries(self) -> list[Entry]:
    """Return all runs by name."""
    with self._lock:
      if time.monotonic() - self._listed >= _FRESH:
        self._entries = {entry.id: entry for entry in self._list()}
        self._listed = time.monotonic()
      return list(self._entries.values())

  def find(self, id: str) -> Entry:
    """Return a run by its id.

    Raises:
      GoneError: there is none.
    """
    entry = self._entries.get(id)
    if entry is None or not _is_run(entry.path):
      self._listed = -_FRESH
      self.entries()
      entry = self._entries.get(id)
    if entry is None:
      raise GoneError('there is no such run any more; see the list of runs')
    return entry

  def _list(self) -> list[Entry]:
    found: list[Entry] = []
    ahead = [(self.root, 0)]
    while ahead and len(found) < _MOST:
      folder, depth = ahead.pop()
      if _is_run(folder):
        name = folder.relative_to(self.root).as_posix()
        name = self.root.name if name == '.' else name
        digest = hashlib.sha256(os.fsencode(name)).hexdigest()
        found.append(Entry(digest[:16], paths.printable(name), folder))
      elif depth < _DEPTH:
        ahead += [(path, depth + 1) for path in self._folders(folder)]
    return sorted(found, key=lambda entry: entry.name)

  def _folders(self, folder: pathlib.Path) -> list[pathlib.Path]:
    try:
      with os.scandir(folder) as items:
        return [
          pathlib.Path(item.path)
          for item in items
          if not item.name.startswith('.')
          and item.is_dir()
          and (item.name not in _SKIPPED or _is_run(pathlib.Path(item.path)))
          and (not item.is_symlink() or self._inside(item.path))
        ]
    except OSError:
      return []

  def _inside(self, path: str) -> bool:
    return pathlib.Path(os.path.realpath(path)).is_relative_to(self._real)


def _is_run(path: pathlib.Path) -> bool:
  return any(os.path.isfile(path / mark) for mark in _MARKS)
