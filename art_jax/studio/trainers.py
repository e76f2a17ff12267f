"""Trainings that the studio started: ordinary commands, each a process.

They go on when the studio ends, and are stopped by a signal, at which a trainer
saves a checkpoint.
"""

import contextlib
import dataclasses
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import IO, Any

from art_jax import core
from art_jax.core import paths
from art_jax.runs import lock

_MOST = 4  # at once
_TAIL = 4000  # bytes of what a trainer printed
_ENDING = 60.0  # seconds that one which was stopped may take to end


@dataclasses.dataclass(eq=False)
class Trainer:
  """A process that trains.

  Attributes:
    folder: its run folder.
    process: the process.
    output: what it prints; without a name on the disk.
    stopping: it was asked to end.
  """

  folder: pathlib.Path
  process: subprocess.Popen
  output: IO[bytes]
  stopping: bool = False

  def as_json(self) -> dict[str, Any]:
    """Return {'folder', 'code', 'tail'}; code None: it still runs."""
    size = os.fstat(self.output.fileno()).st_size
    tail = os.pread(self.output.fileno(), _TAIL, max(size - _TAIL, 0))
    # A progress bar writes over itself.
    lines = tail.decode('utf-8', 'replace').split('\n')
    text = '\n'.join(line.rstrip('\r').rpartition('\r')[2] for line in lines)
    return {
      'folder': self.folder.name,
      'code': self.process.poll(),
      'tail': paths.printable(text.strip()),
    }


class Trainers:
  """The trainings that were started here, by run folder."""

  def __init__(self):
    self._all: dict[pathlib.Path, Trainer] = {}
    self._lock = threading.Lock()

  def start(self, folder: pathlib.Path, arguments: Sequence[str]) -> Trainer:
    """Start `art_jax ARGUMENTS`, which trains in a folder.

    One that was stopped there, and is about to end, is waited for.

    Raises:
      core.UserError: it is trained in already, or too many are.
    """
    before = self._all.get(folder)
    if before is not None and before.stopping:
      with contextlib.suppress(subprocess.TimeoutExpired):
        before.process.wait(_ENDING)
    with self._lock:
      self._require_free(folder)
      self._all[folder] = _started(folder, arguments)
      return self._all[folder]

  def _require_free(self, folder: pathlib.Path) -> None:
    busy = [t for t in self._all.values() if t.process.poll() is None]
    core.require(
      not lock.is_held(folder) and folder not in {t.folder for t in busy},
      f'{folder.name}: a trainer works there already; stop it first',
    )
    core.require(
      len(busy) < _MOST,
      f'{len(busy)} trainings were started here and still run; {_MOST} is the '
      'most: wait for one, stop one, or use the command line',
    )

  def find(self, folder: pathlib.Path) -> Trainer | None:
    """Return the last training that was started here in a folder."""
    return self._all.get(folder)

  def stop(self, folder: pathlib.Path) -> None:
    """Ask the trainer of a folder to save a checkpoint and end.

    Raises:
      core.UserError: none of this machine works there.
    """
    trainer = self._all.get(folder)
    if trainer is not None and trainer.process.poll() is None:
      trainer.stopping = True
      trainer.process.send_signal(signal.SIGTERM)
      return
    holder = lock.holder(folder)
    if holder is None:
      raise core.UserError(
        'no trainer of this machine works there; where it runs on another, '
        'stop it there'
      )
    try:
      os.kill(holder, signal.SIGTERM)
    except OSError as error:
      raise core.UserError(
        f'the trainer (process {holder}) cannot be stopped: {error.strerror}'
      ) from error


def _started(folder: pathlib.Path, arguments: Sequence[str]) -> Trainer:
  output = tempfile.TemporaryFile(prefix='art_jax_studio_')
  process = subprocess.Popen(
    [sys.executable, '-m', 'art_jax.main', *arguments],
    stdin=subprocess.DEVNULL,
    stdout=output,
    stderr=subprocess.STDOUT,
    start_new_session=True,  # Ctrl-C at the studio is not for it
  )
  # Nobody may ask for it again: its end is taken notice of here.
  threading.Thread(target=process.wait, daemon=True).start()
  return Trainer(folder, process, output)
