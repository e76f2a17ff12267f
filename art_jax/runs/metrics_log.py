"""What a run writes while it trains: metrics.jsonl, TensorBoard, pictures.

<folder>/metrics.jsonl               one flat JSON object a line
<folder>/alarms.jsonl                which alarms began and ended, from those
<folder>/tensorboard/events...       the same for TensorBoard
<folder>/losses.png                  the curve of every 'loss/...' in it
<folder>/images/<name>/<step>.png    grids of pictures
"""

import contextlib
import errno
import functools
import io
import json
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from absl import logging
from etils import epath

from art_jax import core
from art_jax.core.paths import make_folder, write_atomic
from art_jax.media import images
from art_jax.runs import plots
from art_jax.runs.alarm_event import Event
from art_jax.runs.metrics_rows import (
  encode_row,
  parse,
  read_metrics,
  require_name,
)
from art_jax.runs.tensorboard import Events
from art_jax.runs.trackers.feed import Feed

FILE = 'metrics.jsonl'
ALARMS = 'alarms.jsonl'
_UPLOAD_SECONDS = 60
# Drawing the losses takes at most this share of the time.
_PLOT_SHARE = 0.05


def _if_enabled(method: Callable[..., None]) -> Callable[..., None]:
  """Return a method of `Writer` that does nothing where that is disabled."""

  @functools.wraps(method)
  def called(self, *args, **kwargs) -> None:
    if self._enabled:
      method(self, *args, **kwargs)

  return called


class Writer(contextlib.AbstractContextManager):
  """Writes the metrics and pictures of one run; a context manager.

  In a gs:// folder files cannot grow: metrics.jsonl and the events are kept
  in a temporary folder and uploaded every minute and at the end.
  """

  def __init__(
    self, folder: os.PathLike | str, *, enabled: bool, feed: Feed | None = None
  ):
    """Continue what is in the folder; a torn last row is dropped.

    Args:
      folder: local or gs:// path of the run; it is made.
      enabled: False does nothing at all; True on process 0 only.
      feed: tells trackers the same; closed with the writer.

    Raises:
      UserError: the folder cannot be written.
    """
    self._enabled = enabled
    self._feed = feed
    self._events = self._staging = None
    self._rows: io.FileIO  # while enabled
    self._purge_step = None
    self._plot_due = 0.0  # on the monotonic clock; infinity: never
    self._plotted = True  # what metrics.jsonl holds
    if not enabled:
      return
    self._folder = epath.Path(folder)
    self._local = self._folder
    self._uploaded = time.monotonic()
    try:
      make_folder(self._folder)
      if '://' in str(folder):
        self._staging = tempfile.TemporaryDirectory(prefix='art_jax_')
        self._local = epath.Path(self._staging.name)
        if (self._folder / FILE).exists():
          (self._folder / FILE).copy(self._local / FILE)
      self._open()
    except OSError as e:
      raise core.unwritable(
        f'folder {str(folder)!r}', e, 'pass a folder that you may write to'
      ) from e

  @_if_enabled
  def scalars(self, step: int, values: Mapping[str, Any]) -> None:
    """Append one row to metrics.jsonl, flushed, and to TensorBoard.

    Args:
      step: of the values, >= 0.
      values: numbers or f32[] arrays by their names, e.g. 'loss/cycle'.

    Raises:
      UserError: a name is 'step' or holds more than letters, digits and
        '_.@-/', or a value is not one number.
      OSError: the disk is full or gone; no half row stays.
    """
    line, row = encode_row(step, values)
    self._append(line)
    for name, value in row.items():
      self._tensorboard().scalar(step, name, value)
    if self._feed:
      self._feed.scalars(step, row)
    self._upload(every=_UPLOAD_SECONDS)

  @_if_enabled
  def images(self, step: int, pictures: Mapping[str, Any]) -> None:
    """Write a grid of pictures as PNG and to TensorBoard.

    Args:
      step: of the pictures, >= 0.
      pictures: u8[N, H, W, C], or f32 in [-1, 1], by name, C is 1 or 3; pixels
        that hold a NaN are painted magenta (white if C is 1).

    Raises:
      UserError: a name or a shape is not such.
    """
    sheets = {}
    for name, batch in pictures.items():
      if batch.dtype != np.uint8:
        batch = images.to_uint8(batch, mark_nan=True)
      sheets[name] = sheet = images.grid(batch)
      path = self._folder / 'images' / require_name(name) / f'{step:08d}.png'
      images.save_png(path, sheet)
      self._tensorboard().image(step, name, sheet)
    if self._feed:
      self._feed.images(step, sheets)
    self._upload(every=_UPLOAD_SECONDS)

  @_if_enabled
  def alarms(self, events: Iterable[Event]) -> None:
    """Append events to alarms.jsonl and to TensorBoard."""
    events = list(events)
    if self._feed:
      self._feed.alarms(events)
    for event in events:
      line = json.dumps(event.as_row())
      with open(self._local / ALARMS, 'a') as file:
        file.write(f'{line}\n')
      self._tensorboard().text(event.step, f'alarm/{event.alarm}', event.text)

  @_if_enabled
  def replay(self, events: Iterable[Event]) -> None:
    """Write alarms.jsonl anew, as the rows up to here gave it."""
    lines = [json.dumps(event.as_row()) + '\n' for event in events]
    write_atomic(self._local / ALARMS, ''.join(lines))

  @property
  def rows(self) -> list[dict[str, Any]]:
    """The rows that are there; [] if not enabled."""
    return read_metrics(self._local / FILE) if self._enabled else []

  @_if_enabled
  def plot(self) -> None:
    """Draw losses.png from all rows, unless that was done a moment ago.

    It is drawn once more when the writer is closed. A failure is logged once,
    and the run goes on.
    """
    begin = time.monotonic()
    if self._plotted or begin < self._plot_due:
      return
    self._plotted = True
    try:
      rows = read_metrics(self._local / FILE)
      if plots.loss_names(rows):
        figure = plots.curves(rows, title=self._folder.name)
        write_atomic(self._folder / 'losses.png', plots.png(figure))
      end = time.monotonic()
      self._plot_due = end + (end - begin) / _PLOT_SHARE
    except Exception as error:  # A picture is not worth a run.
      self._plot_due = math.inf
      logging.warning('losses.png is not drawn any more: %s', error)

  @_if_enabled
  def cut(self, step: int) -> None:
    """Forget the rows beyond the step that a run goes on from.

    metrics.jsonl is rewritten at once; TensorBoard hides the later events of
    older files. Pictures stay: the run writes them again under their names.

    Args:
      step: the restored one; rows of it stay.

    Raises:
      UserError: metrics.jsonl is damaged before its last line.
    """
    self._close_files()
    self._keep_rows(step)
    self._purge_step = step + 1
    self._plotted = False
    self._open()
    if self._feed:
      self._feed.cut(step, self.rows)
    self._upload()

  @_if_enabled
  def close(self) -> None:
    """Write out everything; nothing can be written afterwards."""
    self._close_files()
    if self._feed:
      self._feed.close()
    if self._plot_due < math.inf:
      self._plot_due = 0.0
    self.plot()
    self._upload()
    self._enabled = False
    if self._staging is not None:
      self._staging.cleanup()

  def __exit__(self, kind, *_) -> None:
    try:
      self.close()
    except OSError as error:
      if kind is None:
        raise
      # The error that stopped the run is the cause of this one.
      logging.warning('%s is not complete: %s', self._folder, error)

  def _open(self) -> None:
    path = self._local / FILE
    if path.exists() and not path.read_bytes().endswith(b'\n'):
      # A killed run left half a row; the next one must not continue it.
      self._keep_rows(math.inf)
    # Unbuffered: a row that failed must not come back at the next one.
    self._rows = open(path, 'ab', buffering=0)

  def _keep_rows(self, last: float) -> None:
    path = self._local / FILE
    lines = [line + b'\n' for line, row in parse(path) if row['step'] <= last]
    write_atomic(path, b''.join(lines))

  def _append(self, line: bytes) -> None:
    if not os.fstat(self._rows.fileno()).st_nlink:
      self._rows.close()  # Removed, or replaced, as an editor does.
      self._open()
    size = os.fstat(self._rows.fileno()).st_size
    self._plotted = False
    if self._rows.write(line) != len(line):
      self._rows.truncate(size)
      raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

  def _tensorboard(self) -> Events:
    if self._events is None:  # not before there is something to show
      self._events = Events(self._local / 'tensorboard', self._purge_step)
    return self._events

  def _close_files(self) -> None:
    self._rows.close()
    if self._events is not None:
      events, self._events = self._events, None
      events.close()

  def _upload(self, every: float = 0) -> None:
    now = time.monotonic()
    if self._staging is None or now - self._uploaded < every:
      return
    self._uploaded = now
    if self._events is not None:
      self._events.flush()
    (self._folder / 'tensorboard').mkdir(exist_ok=True)
    files = self._local / FILE, self._local / ALARMS
    for source in (*files, *self._local.glob('tensorboard/*')):
      if not source.exists():
        continue
      target = self._folder / source.relative_to(self._local)
      source.copy(target, overwrite=True)
