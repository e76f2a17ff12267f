"""Weights & Biases, with the library wandb; `WANDB_MODE=offline` sends nothing.

Project and entity are those of WANDB_PROJECT ('art_jax') and WANDB_ENTITY.
"""

import os
from collections.abc import Mapping, Sequence

import numpy as np

from art_jax import core
from art_jax.core import extras
from art_jax.runs.alarm_event import Event
from art_jax.runs.trackers.protocol import Tracked


def check() -> None:
  """Raise a UserError if nobody is logged in."""
  library = extras.load('wandb', 'wandb', '--log=wandb')
  mode = os.environ.get('WANDB_MODE', 'online')
  if mode == 'online' and not library.api.api_key:
    raise core.UserError(
      '--log=wandb: nobody is logged in; run `wandb login`, set WANDB_API_KEY, '
      'or set WANDB_MODE=offline and send the run later by `wandb sync`'
    )


class Wandb:
  """A run of Weights & Biases; steps are an axis of their own."""

  def __init__(self, run: Tracked):
    self._library = extras.load('wandb', 'wandb', '--log=wandb')
    local = '://' not in run.folder
    self._run = self._library.init(
      project=os.environ.get('WANDB_PROJECT', 'art_jax'),
      id=run.id,
      name=run.name,
      resume='allow',
      config=dict(run.fields),
      dir=run.folder if local else None,
      settings=self._library.Settings(silent=True, console='off'),
    )
    # A run that goes back to a checkpoint repeats steps, which the counter of
    # wandb cannot.
    self._run.define_metric('step')
    self._run.define_metric('*', step_metric='step')

  def scalars(self, step: int, values: Mapping[str, float]) -> None:
    """Log a row."""
    self._run.log({**values, 'step': step})

  def images(self, step: int, sheets: Mapping[str, np.ndarray]) -> None:
    """Log grids of pictures, under images/."""
    logged = {
      f'images/{name}': self._library.Image(sheet.squeeze())
      for name, sheet in sheets.items()
    }
    self._run.log({**logged, 'step': step})

  def alarms(self, events: Sequence[Event]) -> None:
    """Send alerts for those that begin, and count all that are on."""
    for event in events:
      self._run.log({f'alarm/{event.alarm}': int(event.begins)} | _at(event))
      if event.begins:
        self._run.alert(title=event.alarm, text=event.text, level='WARN')

  def close(self) -> None:
    """Finish the run."""
    self._run.finish()


def _at(event: Event) -> dict[str, int]:
  return {'step': event.step}
