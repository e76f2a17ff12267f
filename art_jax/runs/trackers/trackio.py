"""trackio: a local store (TRACKIO_DIR), or a Space of the Hugging Face Hub.

The project is that of TRACKIO_PROJECT ('art_jax').
"""

import os
from collections.abc import Mapping, Sequence

import numpy as np

from art_jax.core import extras
from art_jax.runs.alarm_event import Event
from art_jax.runs.trackers.protocol import Tracked


def check() -> None:
  """Raise a UserError if it is not installed."""
  extras.load('trackio', 'trackio', '--log=trackio')


class Trackio:
  """A run of trackio."""

  def __init__(self, run: Tracked):
    self._library = extras.load('trackio', 'trackio', '--log=trackio')
    project = os.environ.get('TRACKIO_PROJECT', 'art_jax')
    name = f'{run.name}-{run.id}'
    self.last_step = _last_step(project, name) if run.resumed else -1
    self._run = self._library.init(
      project=project,
      name=name,
      resume='allow',
      config=dict(run.fields),
      embed=False,
    )

  def scalars(self, step: int, values: Mapping[str, float]) -> None:
    """Log a row."""
    self._run.log(dict(values), step=step)

  def images(self, step: int, sheets: Mapping[str, np.ndarray]) -> None:
    """Log grids of pictures, under images/."""
    logged = {
      f'images/{name}': self._library.Image(
        np.broadcast_to(sheet, (*sheet.shape[:2], 3))
      )
      for name, sheet in sheets.items()
    }
    self._run.log(logged, step=step)

  def alarms(self, events: Sequence[Event]) -> None:
    """Send alerts for those that begin, and count all that are on."""
    for event in events:
      values = {f'alarm/{event.alarm}': int(event.begins)}
      self._run.log(values, step=event.step)
      if event.begins:
        self._run.alert(
          event.alarm, event.text, self._library.AlertLevel.WARN, event.step
        )

  def close(self) -> None:
    """Finish the run."""
    self._run.finish()


def _last_step(project: str, name: str) -> int:
  """Return the last step that the local store has of a run; -1: none."""
  storage = extras.load('trackio.sqlite_storage', 'trackio', '--log=trackio')
  step = storage.SQLiteStorage.get_max_step_for_run(project, name)
  return -1 if step is None else step
