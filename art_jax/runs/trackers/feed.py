"""Feeds trackers from threads of their own: a run never waits for one.

A tracker that raises is one warning, and so is one that hangs: what it has not
taken when its queue is full, or a while after the run has ended, is left out.
`trackers.json` in the run folder keeps the run's name for each tracker and the
last step that it took: after a kill the next start sends what is missing.
"""

import contextlib
import importlib
import json
import queue
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from absl import logging
from etils import epath

from art_jax import core
from art_jax.config import serialization
from art_jax.core.paths import write_atomic
from art_jax.runs.alarm_event import Event
from art_jax.runs.trackers.protocol import Tracked, Tracker, fields_of

FILE = 'trackers.json'
KNOWN = {'wandb': 'Wandb', 'mlflow': 'Mlflow', 'trackio': 'Trackio'}
_MOST = 2000  # calls that wait
_NOTE_SECONDS = 5
_CLOSE_SECONDS = 60
_END = 'end'


def resolve(names: Sequence[str]) -> dict[str, type[Tracker]]:
  """Return the class of each tracker.

  Args:
    names: 'wandb', 'mlflow', 'trackio' or 'module:Class'.

  Raises:
    core.UserError: there is none of that name, its package is missing, or
      nobody is logged in.
  """
  classes = {}
  for name in dict.fromkeys(names):
    module, colon, cls = name.partition(':')
    core.require(
      name in KNOWN or (colon and module and cls),
      f'--log={name}: it is one of {", ".join(KNOWN)}, or module:Class of a '
      'tracker of your own',
    )
    if name in KNOWN:
      found = importlib.import_module(f'art_jax.runs.trackers.{name}')
      found.check()
      classes[name] = vars(found)[KNOWN[name]]
      continue
    try:
      classes[name] = vars(importlib.import_module(module))[cls]
    except (ImportError, KeyError) as error:
      raise core.UserError(
        f'--log={name}: it cannot be imported ({error!r}); put its folder on '
        'PYTHONPATH'
      ) from error
  return classes


class Feed:
  """All trackers of a run.

  Args:
    classes: by name, see `resolve`.
    folder: of the run.
    experiment: that is trained.
  """

  def __init__(
    self,
    classes: Mapping[str, type[Tracker]],
    folder: epath.Path,
    experiment: core.Experiment,
  ):
    self._path = folder / FILE
    self._lock = threading.Lock()
    self._noted = time.monotonic()
    self._notes, self._threads = _read(self._path), []
    config = serialization.to_text(experiment)
    fields = fields_of(experiment)
    for name, cls in classes.items():
      resumed = name in self._notes
      note = self._notes.setdefault(
        name, {'id': secrets.token_hex(6), 'sent': -1}
      )
      run = Tracked(
        note['id'], folder.name, str(folder), config, fields, resumed
      )
      self._threads.append(_Thread(name, cls, run, self._note, note['sent']))
    self._save()

  def scalars(self, step: int, values: Mapping[str, float]) -> None:
    """Pass on the row of a step."""
    for thread in self._threads:
      if step > thread.sent:
        thread.put('scalars', step, dict(values))

  def images(self, step: int, sheets: Mapping[str, np.ndarray]) -> None:
    """Pass on grids of pictures."""
    for thread in self._threads:
      if step > thread.pictured:
        thread.put('images', step, dict(sheets))

  def alarms(self, events: Sequence[Event]) -> None:
    """Pass on alarms."""
    for thread in self._threads:
      thread.put('alarms', list(events))

  def cut(self, step: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Note that a run goes on from a step; send rows that are missing.

    At a start, what was sent beyond the step stays: it comes again as it was.
    When the run goes back, it is sent anew.
    """
    for thread in self._threads:
      thread.go_on(step, rows)

  def close(self) -> None:
    """Wait until all is sent, for a while."""
    for thread in self._threads:
      thread.put(_END)
    end = time.monotonic() + _CLOSE_SECONDS
    for thread in self._threads:
      thread.finish(end - time.monotonic())
    self._save()

  def _note(self, name: str, sent: int) -> None:
    """Note how far a tracker is, now and then; called by its thread."""
    self._notes[name]['sent'] = sent
    if time.monotonic() - self._noted > _NOTE_SECONDS:
      self._save()

  def _save(self) -> None:
    with self._lock:
      self._noted = time.monotonic()
      with contextlib.suppress(OSError):  # the next start sends it again
        write_atomic(self._path, json.dumps(self._notes, indent=2) + '\n')


class _Thread:
  """Calls one tracker, until it fails."""

  def __init__(self, name, cls, run, note, sent):
    self.sent = self.pictured = sent
    self._name, self._note, self._begun = name, note, False
    self._queue: queue.Queue[tuple] = queue.Queue(_MOST)
    self._failed = False
    self._thread = threading.Thread(
      target=self._work, args=(cls, run), name=f'tracker {name}', daemon=True
    )
    self._thread.start()

  def put(self, *call) -> None:
    """Add a call; a full queue ends the tracking."""
    if self._failed:
      return
    try:
      self._queue.put_nowait(call)
    except queue.Full:
      self._fail(f'it has not taken the last {_MOST} calls')

  def go_on(self, step, rows) -> None:
    """Send rows up to the step that are missing, see `Feed.cut`."""
    if self._begun:
      self.sent, self.pictured = min(self.sent, step), min(self.pictured, step)
      return
    self._begun = True
    for row in rows:
      if self.sent < row['step'] <= step:
        self.put('scalars', row['step'], _values(row))

  def finish(self, seconds: float) -> None:
    """Wait for the end."""
    self._thread.join(max(0.0, seconds))
    if self._thread.is_alive() and not self._failed:
      self._fail(f'it has not answered for {_CLOSE_SECONDS} s')

  def _work(self, cls, run) -> None:
    try:
      tracker = cls(run)
      stored = getattr(tracker, 'last_step', -1)
      while (call := self._queue.get())[0] != _END and not self._failed:
        method, *arguments = call
        if method != 'scalars':
          getattr(tracker, method)(*arguments)  # of the protocol
          continue
        if arguments[0] > stored:
          tracker.scalars(*arguments)
          stored = -1  # from here on all is new, also where a run goes back
        self._note(self._name, arguments[0])
      tracker.close()
    # A tracker is not worth a run; some raise SystemExit.
    except BaseException as error:
      self._fail(f'{type(error).__name__}: {error}')

  def _fail(self, why: str) -> None:
    if not self._failed:
      self._failed = True
      logging.warning(
        '--log=%s: it is not told any more (%s); the run goes on, and the '
        'next start sends what is missing',
        self._name,
        ' '.join(why.split())[:300],
      )


def _values(row: Mapping[str, Any]) -> dict[str, float]:
  return {name: value for name, value in row.items() if name != 'step'}


def _read(path: epath.Path) -> dict[str, dict[str, Any]]:
  try:
    notes = json.loads(path.read_text('utf-8'))
    return {
      str(name): {'id': str(note['id']), 'sent': int(note['sent'])}
      for name, note in notes.items()
    }
  except (OSError, ValueError, KeyError, TypeError, AttributeError):
    return {}  # none yet, or damaged: it is told as a new run
