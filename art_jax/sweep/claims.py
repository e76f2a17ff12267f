"""Who runs which cell of a sweep that several processes share.

A claim is a file, claims/CELL.N in the folder of the sweep. Only one process
can create it, and it touches it while it works. A cell is its owner's that
created the highest N. One that was not touched for five minutes, or that was
given back, may be followed by N + 1, which again only one process can create.
So nothing is ever removed, no process decides for another, and no lock is
needed, only a folder of a POSIX file system that all of them see.
"""

import contextlib
import json
import os
import pathlib
import socket
import threading
import uuid

from art_jax import core
from art_jax.core.paths import write_atomic

FOLDER = 'claims'
STALE, BEAT = 300, 20  # seconds


class Lost(Exception):
  """Another process has taken the cell over."""


class Claims:
  """The claims of this process; a context manager that gives them back.

  Args:
    folder: of the sweep; made if missing.
    stale: seconds after which a claim that nobody touches may be taken over.
    beat: seconds between two touches.
  """

  def __init__(
    self, folder: pathlib.Path, *, stale: float = STALE, beat: float = BEAT
  ):
    self._folder = folder / FOLDER
    self._stale, self._beat = stale, beat
    self._held: dict[str, pathlib.Path] = {}
    self._seen: dict[str, int] = {}  # numbers only grow
    self._over = threading.Event()
    self._thread = threading.Thread(target=self._touch, daemon=True)
    self._about = {'host': socket.gethostname(), 'pid': os.getpid()}
    self._about |= _here()

  def __enter__(self) -> 'Claims':
    self._folder.mkdir(parents=True, exist_ok=True)
    self._thread.start()
    return self

  def __exit__(self, *unused) -> None:
    self._over.set()
    self._thread.join()
    for name in list(self._held):
      self.give_back(name)

  def take(self, name: str) -> bool:
    """Claim a cell; tell whether it is this process's."""
    newest = self._newest(name)
    if newest is not None and not self._is_free(newest):
      return newest == self._held.get(name)
    path = self._folder / f'{name}.{self.count(name) + 1}'
    try:
      with open(path, 'x') as file:
        json.dump(self._about, file)
    except FileExistsError:
      return False
    self._held[name] = path
    return True

  def give_back(self, name: str) -> None:
    """Let others have a cell, at once."""
    path = self._held.pop(name)
    with contextlib.suppress(OSError):  # stale in five minutes
      write_atomic(path, json.dumps({**self._about, 'given_back': True}))

  def require(self, name: str) -> None:
    """Raise `Lost` unless the cell is still this process's."""
    newest = self._newest(name)
    if newest != self._held.get(name):
      raise Lost(f'{name} was taken over by {_told(newest)}')

  def owner(self, name: str) -> str | None:
    """Return who works at a cell, 'host, process 12'; None if nobody does."""
    newest = self._newest(name)
    free = newest is None or self._is_free(newest)
    return None if free else _told(newest)

  def count(self, name: str) -> int:
    """Return how many times a cell has been claimed."""
    newest = self._newest(name)
    return int(newest.suffix[1:]) if newest else 0

  def _newest(self, name: str) -> pathlib.Path | None:
    number = self._seen.get(name, 0)
    while (self._folder / f'{name}.{number + 1}').exists():
      number += 1
    self._seen[name] = number
    return self._folder / f'{name}.{number}' if number else None

  def _is_free(self, path: pathlib.Path) -> bool:
    about = _read(path)
    if about.get('given_back'):
      return True
    here = all(about.get(x) == self._about[x] for x in ('boot', 'namespace'))
    if here and path not in self._held.values() and _is_gone(about.get('pid')):
      return True
    return self._now() - path.stat().st_mtime > self._stale

  def _now(self) -> float:
    """Return the time by the clock that claims are touched by."""
    probe = self._folder / f'.{uuid.uuid4().hex}'
    probe.touch()
    now = probe.stat().st_mtime
    probe.unlink()
    return now

  def _touch(self) -> None:
    while not self._over.wait(self._beat):
      for path in list(self._held.values()):
        with contextlib.suppress(OSError):  # told where the run is written
          os.utime(path)


def require_posix(folder: str) -> None:
  """Raise core.UserError for a folder in which files cannot be claimed."""
  core.require(
    '://' not in folder,
    f'--workdir={folder}: the processes of a sweep share a folder of a POSIX '
    'file system; pass one, or another --workdir to each',
  )


def _here() -> dict[str, str]:
  """Return what processes that see the same process numbers have in common."""
  with contextlib.suppress(OSError):
    boot = pathlib.Path('/proc/sys/kernel/random/boot_id').read_text().strip()
    return {'boot': boot, 'namespace': os.readlink('/proc/self/ns/pid')}
  return {'boot': uuid.uuid4().hex, 'namespace': ''}  # nobody's


def _is_gone(pid: object) -> bool:
  """Tell whether no process has a number, or it is this one's."""
  if not isinstance(pid, int) or pid == os.getpid():
    return True
  try:
    os.kill(pid, 0)
  except ProcessLookupError:
    return True
  except OSError:
    pass
  return False


def _read(path: pathlib.Path) -> dict:
  try:
    about = json.loads(path.read_text('utf-8'))
    return about if isinstance(about, dict) else {}
  except (OSError, ValueError):  # being written
    return {}


def _told(path: pathlib.Path | None) -> str:
  about = _read(path) if path else {}
  return f'{about.get("host", "nobody")}, process {about.get("pid", "?")}'
