"""One trainer in a run folder, and the error when that cannot be written.

The lock is an `flock` of <folder>/.lock: the kernel releases it when its
holder ends, kill -9 included, so it is never stale, and the file names the
holder. (`filelock` before 4 empties that file and takes a file system without
locks for a held one; since then it leaves a marker there that outlives a
kill.) Best effort elsewhere: gs:// folders are not locked, a file system
without locks gets a warning, and NFS locks hold between hosts only if the
server supports them, and there for a while after their host has died.
"""

import contextlib
import datetime
import fcntl
import hashlib
import json
import os
import pathlib
import socket
import time
from collections.abc import Iterator
from typing import IO

from absl import logging

from art_jax import core
from art_jax.devices import distributed

_FILE = '.lock'
_SEEN = 60  # seconds after which NFS shows a new file on another host
_LEASE = 120  # seconds; Linux servers give leases of 90
_LOCKS = pathlib.Path('/proc/locks')


class RunLock:
  """The lock of one trainer on its run folder; a context manager.

  With several processes all enter it, and process 0 takes the lock.

  Args:
    folder: of the run; it exists.
    enabled: True in process 0 only.
  """

  def __init__(self, folder: os.PathLike | str, *, enabled: bool):
    self._folder = folder
    self._file = None
    self._enabled = enabled and '://' not in os.fspath(folder)

  def __enter__(self) -> 'RunLock':
    """Take the lock.

    Raises:
      UserError: another trainer holds it, or not all processes see the folder,
        in every process; or the folder cannot be written.
    """
    error = None
    try:
      if self._enabled:
        self._take()
    except core.UserError as e:
      error = e
    if distributed.any_process(error is not None):
      raise error or core.UserError(
        'process 0 could not lock the run folder; its message says why'
      )
    self._require_shared()
    return self

  def __exit__(self, *unused) -> None:
    if self._file is not None:
      # The file stays: removing it would let two trainers hold two files.
      self._file.close()
      self._file = None

  @contextlib.contextmanager
  def writing(self, step: int) -> Iterator[None]:
    """Name the step in the error if writing fails.

    Args:
      step: of what is being written.

    Raises:
      StorageError: writing failed, or the folder is no longer there.
    """
    try:
      self._require_same_folder()
      yield
    except OSError as error:
      why = error.strerror or str(error)
      raise core.StorageError(
        f'step {step}: the run folder {self._folder} cannot be written '
        f'({why}); its older checkpoints are untouched: free '
        'space or repair the disk and start the same command again'
      ) from error

  def _take(self) -> None:
    path = pathlib.Path(self._folder) / _FILE
    try:
      self._file = open(path, 'a+')
    except OSError as error:
      raise core.unwritable(
        str(path), error, 'pass --workdir=FOLDER that can'
      ) from error
    try:
      self._flock(self._file)
    except BlockingIOError:
      holder = _holder(path)
      self.__exit__()
      raise core.UserError(
        f'--workdir={self._folder}: {holder} is training in it; wait for it '
        'or stop it, or pass another --workdir'
      ) from None
    except OSError as error:
      logging.warning(
        '%s: no locks on this file system (%s); start no second trainer here',
        path,
        error.strerror,
      )
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds')
    about = {'host': socket.gethostname(), 'pid': os.getpid(), 'since': now}
    with contextlib.suppress(OSError):  # a full disk: the lock itself holds
      self._file.truncate(0)
      self._file.write(json.dumps(about) + '\n')
      self._file.flush()
      os.fsync(self._file.fileno())  # other hosts read it

  def _flock(self, file: IO[str]) -> None:
    """Lock the open file, with patience for a holder that is not here.

    NFS gives back the lock of a host that died once its lease is over; until
    then a restart elsewhere would be refused, for good.
    """
    end, told = time.monotonic() + _LEASE, False
    while True:
      try:
        return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
      except BlockingIOError:
        here = not _LOCKS.exists() or holder(self._folder) is not None
        if here or time.monotonic() > end:
          raise
      if not told:
        logging.warning(
          'waiting up to %d s for the lock of %s: nobody here holds it, '
          'so its holder is on another host, or was and died',
          _LEASE,
          self._folder,
        )
        told = True
      time.sleep(1)

  def _require_shared(self) -> None:
    """Raise a UserError in all processes unless all see the folder of one.

    Without that, whoever is process 0 after a restart would begin anew.
    """
    if '://' in os.fspath(self._folder):
      return
    theirs = distributed.of_main(self._digest())
    end = time.monotonic() + _SEEN
    while (other := self._digest() != theirs) and time.monotonic() < end:
      time.sleep(0.5)
    if distributed.any_process(other):
      self.__exit__()
      raise core.UserError(
        f'--workdir={self._folder} is not one folder for all processes of this '
        'run; pass one on a disk that all hosts share'
      )

  def _digest(self) -> bytes:
    try:
      text = pathlib.Path(self._folder, _FILE).read_bytes()
    except OSError:
      text = b''
    return hashlib.sha256(text).digest()

  def _require_same_folder(self) -> None:
    """Raise OSError unless the folder is the one that was locked.

    Without it, a folder that was removed would be made anew, piece by piece.
    """
    if self._file is not None:
      now = os.stat(os.path.join(self._folder, _FILE))
      if not os.path.samestat(now, os.fstat(self._file.fileno())):
        raise FileNotFoundError('it was removed and made anew')


def is_held(folder: os.PathLike | str) -> bool:
  """Tell whether a trainer of this machine holds a run folder.

  Linux lists all locks; nothing is locked to learn of one, so that a trainer
  that starts at this moment finds its folder free.
  """
  path = pathlib.Path(folder) / _FILE
  if _LOCKS.exists():
    return holder(folder) is not None
  try:
    return _is_refused(path)
  except OSError:
    return False


def holder(folder: os.PathLike | str) -> int | None:
  """Return the process that holds a run folder, as the kernel says.

  Returns:
    None if none of this machine does, or the system lists no locks.
  """
  try:
    inode = f':{(pathlib.Path(folder) / _FILE).stat().st_ino}'
    rows = [line.split() for line in _LOCKS.read_text().splitlines()]
  except OSError:
    return None
  for row in rows:
    if len(row) > 5 and row[1] == 'FLOCK' and row[3] == 'WRITE':
      if row[5].endswith(inode):
        return int(row[4])
  return None


def _is_refused(path: pathlib.Path) -> bool:
  try:
    with open(path, encoding='utf-8') as file:
      fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return False
  except BlockingIOError:
    return True


def _holder(path: pathlib.Path) -> str:
  try:
    about = json.loads(path.read_text('utf-8'))
    return f'process {about["pid"]} on {about["host"]} (since {about["since"]})'
  except (OSError, ValueError, KeyError, TypeError):
    return 'another process'
