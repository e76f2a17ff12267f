"""What a tracker is: a class of its own, told of a run and then what it writes.

  class Mine:
    def __init__(self, run: Tracked): ...
    def scalars(self, step, values): ...
    def images(self, step, sheets): ...
    def alarms(self, events): ...
    def close(self): ...

A tracker that can tell what an earlier start has stored may have `last_step`,
the step of its last row: a killed start may have told more than the run notes,
and these rows are not sent twice.

All calls come from one thread that does nothing else; what they raise is one
warning, and ends the tracking but not the run.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from art_jax.config import serialization
from art_jax.runs.alarm_event import Event


@dataclasses.dataclass(frozen=True)
class Tracked:
  """What a tracker is told of a run.

  Attributes:
    id: the same in every start of the run.
    name: of the run folder.
    folder: of the run.
    config: the experiment as text.
    fields: numbers and words of the config by their paths.
    resumed: an earlier start of the run was tracked.
  """

  id: str
  name: str
  folder: str
  config: str
  fields: Mapping[str, Any]
  resumed: bool


class Tracker(Protocol):
  """Takes what a run writes."""

  def scalars(self, step: int, values: Mapping[str, float]) -> None:
    """Take the row of a step."""
    ...

  def images(self, step: int, sheets: Mapping[str, np.ndarray]) -> None:
    """Take grids of pictures u8[H, W, C] by name."""
    ...

  def alarms(self, events: Sequence[Event]) -> None:
    """Take alarms that begin or end."""
    ...

  def close(self) -> None:
    """Send what is left; nothing comes afterwards."""
    ...


def fields_of(config: Any, path: str = '') -> dict[str, Any]:
  """Return the plain values of a config by their paths: 'train.seed'."""
  if isinstance(config, bool | int | float | str | type(None)):
    return {path: config}
  if isinstance(config, tuple) and any(map(serialization.is_config, config)):
    parts = [(f'{path}.{i}', item) for i, item in enumerate(config)]
  elif serialization.is_config(config):
    prefix = f'{path}.' if path else ''
    parts = [
      (f'{prefix}{field.name}', getattr(config, field.name))
      for field in serialization.config_fields(config)
    ]
    if path:
      return {path: type(config).__name__} | _joined(parts)
  else:
    return {path: str(config)}
  return _joined(parts)


def _joined(parts: list[tuple[str, Any]]) -> dict[str, Any]:
  values: dict[str, Any] = {}
  for path, value in parts:
    values |= fields_of(value, path)
  return values
