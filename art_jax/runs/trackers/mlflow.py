"""MLflow, with the library mlflow-skinny (or mlflow).

The store is that of MLFLOW_TRACKING_URI, the experiment that of
MLFLOW_EXPERIMENT_NAME ('art_jax'). MLflow allows fewer characters in names than
we do: '@' becomes '_at_'.
"""

import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from PIL import Image

from art_jax.core import extras
from art_jax.runs.alarm_event import Event
from art_jax.runs.trackers.protocol import Tracked

_TAG = 'art_jax.run'
_LONGEST = 500  # characters of a parameter
_AT_ONCE = 100  # parameters of a call


def check() -> None:
  """Raise a UserError if it is not installed."""
  extras.load('mlflow', 'mlflow', '--log=mlflow')


class Mlflow:
  """A run of MLflow, found again by a tag."""

  def __init__(self, run: Tracked):
    library = extras.load('mlflow', 'mlflow', '--log=mlflow')
    self._entities = extras.load('mlflow.entities', 'mlflow', '--log=mlflow')
    self._client = library.MlflowClient()
    name = os.environ.get('MLFLOW_EXPERIMENT_NAME', 'art_jax')
    known = self._client.get_experiment_by_name(name)
    experiment = (
      known.experiment_id if known else self._client.create_experiment(name)
    )
    found = self._client.search_runs(
      [experiment], f"tags.`{_TAG}` = '{run.id}'"
    )
    self.last_step = -1
    if found:
      self._id = found[0].info.run_id
      self.last_step = self._last_step(found[0].data.metrics)
      self._client.update_run(self._id, status='RUNNING')
      return
    made = self._client.create_run(
      experiment, run_name=run.name, tags={_TAG: run.id}
    )
    self._id = made.info.run_id
    self._client.log_text(self._id, run.config, 'config.txt')
    params = [
      self._entities.Param(path, str(value)[:_LONGEST])
      for path, value in run.fields.items()
    ]
    for first in range(0, len(params), _AT_ONCE):
      part = params[first : first + _AT_ONCE]
      self._client.log_batch(self._id, params=part)

  def scalars(self, step: int, values: Mapping[str, float]) -> None:
    """Log a row."""
    from time import time

    now = int(1000 * time())
    metrics = [
      self._entities.Metric(name.replace('@', '_at_'), value, now, step)
      for name, value in values.items()
    ]
    self._client.log_batch(self._id, metrics=metrics)

  def _last_step(self, names: Iterable[str]) -> int:
    """Return the step of the last row that the store has; -1: none."""
    losses = sorted(names, key=lambda name: (not name.startswith('loss'), name))
    steps = [
      metric.step
      for name in losses[:1]
      for metric in self._client.get_metric_history(self._id, name)
    ]
    return max(steps, default=-1)

  def images(self, step: int, sheets: Mapping[str, np.ndarray]) -> None:
    """Store grids of pictures as images/NAME/STEP.png."""
    for name, sheet in sheets.items():
      picture = Image.fromarray(sheet.squeeze())
      file = f'images/{name.replace("@", "_at_")}/{step:08d}.png'
      self._client.log_image(self._id, picture, file)

  def alarms(self, events: Sequence[Event]) -> None:
    """Note alarms as tags and as a metric that is 1 while they are on."""
    for event in events:
      self._client.log_metric(
        self._id, f'alarm/{event.alarm}', float(event.begins), step=event.step
      )
      if event.begins:
        self._client.set_tag(self._id, f'alarm.{event.alarm}', event.text)

  def close(self) -> None:
    """End the run."""
    self._client.set_terminated(self._id)
