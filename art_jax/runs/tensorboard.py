"""TensorBoard events, written in the caller's thread.

tensorboardX's SummaryWriter writes in a thread of its own: when the disk is
full the thread dies, and some rows later training waits for it for ever.
"""

import os
import pathlib
import time
from typing import Any

import numpy as np
from tensorboardX import event_file_writer, summary
from tensorboardX.proto import event_pb2

_FLUSH_SECONDS = 10
_proto: Any = event_pb2  # its classes are made when it is imported


class Events:
  """One file of events.

  Args:
    folder: local; it is made.
    purge_step: TensorBoard hides what older files hold from this step on.

  Raises:
    OSError: from every method, if the file cannot be written.
  """

  def __init__(self, folder: os.PathLike, purge_step: int | None = None):
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    # Files are named by the second: two writers in one would collide.
    self._file = event_file_writer.EventsWriter(
      os.path.join(folder, 'events'), f'.{time.time_ns()}'
    )
    self._flushed = 0.0
    if purge_step is not None:
      log = _proto.SessionLog(status=_proto.SessionLog.START)
      self._write(purge_step, session_log=log)

  def scalar(self, step: int, name: str, value: float) -> None:
    """Add a number."""
    added = summary.scalar(name, value)
    added.value[0].tag = name  # tensorboardX would write _ for @
    self._write(step, summary=added)

  def image(self, step: int, name: str, sheet: np.ndarray) -> None:
    """Add u8[H, W, C]."""
    picture = summary.image(name, sheet, dataformats='HWC')
    self._write(step, summary=picture)

  def text(self, step: int, name: str, words: str) -> None:
    """Add a text."""
    self._write(step, summary=summary.text(name, words))

  def flush(self) -> None:
    """Hand everything to the disk."""
    self._file.flush()
    self._flushed = time.monotonic()

  def close(self) -> None:
    """Flush; nothing can be added afterwards."""
    self._file.close()

  def _write(self, step: int, **what) -> None:
    event = _proto.Event(wall_time=time.time(), step=int(step), **what)
    self._file.write_event(event)
    if time.monotonic() - self._flushed > _FLUSH_SECONDS:
      self.flush()
