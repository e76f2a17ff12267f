"""What a run knows of itself: probes, alarms, and its best step.

Nothing here touches the training. Alarms are functions of the
rows of metrics.jsonl alone, so that a continued run knows the same ones.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from absl import logging

from art_jax import core
from art_jax.devices import distributed
from art_jax.monitoring import probe
from art_jax.monitoring.alarms import watch
from art_jax.runs.metrics_log import Writer

# Larger is better for these; for errors and distances smaller is.
_LARGER = (
  *('diversity', 'distinct', 'recall', 'precision'),
  *('verdict', 'accuracy'),
)


@dataclasses.dataclass(frozen=True)
class Best:
  """The best step so far.

  Attributes:
    step: of its checkpoint.
    metric: what was compared.
    value: of that metric.
  """

  step: int
  metric: str
  value: float


def larger_is_better(metric: str) -> bool:
  """Tell whether a metric of metrics.jsonl grows as pictures get better."""
  return any(part in _LARGER for part in metric.split('/')[:2])


def default_metric(names: list[str]) -> str | None:
  """Return which of a run's measurements tells its best step.

  The reconstruction error of an autoencoder and the distance to the truth of
  a translator of pairs; else KID. A translator's directions are averaged.
  """
  suited = (
    n
    for kind in ('probe/l1/', 'probe/kid/')
    for n in names
    if n.startswith(kind)
  )
  return next(('/'.join(name.split('/')[:3]) for name in suited), None)


def value_of(metric: str, row: Mapping[str, float]) -> float | None:
  """Return the value of a metric in a row, or its mean over directions."""
  if metric in row:  # Those of its classes, or its terms, are others.
    return row[metric]
  values = [v for name, v in row.items() if name.startswith(f'{metric}/')]
  return float(np.mean(values)) if values else None


class AlarmStop(Exception):
  """Training stopped because an alarm fired (train.on_alarm=stop); code 3."""


class Health:
  """Watches one run from the step that it goes on from."""

  def __init__(
    self,
    experiment: core.Experiment,
    measure: probe.Probe | None,
    writer: Writer,
    class_names: tuple[str, ...],
    host: Mapping[str, Any],
  ):
    """Read the rows that are there and what the checkpoint keeps.

    Args:
      experiment: with durations in steps.
      measure: the run's probe; None if its model makes no pictures.
      writer: cut to the step that the run goes on from.
      class_names: of the labels.
      host: item of the restored checkpoint; {} without one.
    """
    self._plan, self._probe, self._writer = experiment.train, measure, writer
    self._metric = self._plan.best_metric
    self._watch = None
    if self._plan.on_alarm != 'off' and distributed.is_main():
      self._watch = watch.Watch(experiment, class_names)
      writer.replay(self._watch.replay(writer.rows))
    saved = host.get('best')
    self.best = Best(**saved) if saved else None

  def measure(self, state: core.State) -> dict[str, float]:
    """Return what a row gets besides the metrics of its step."""
    row = self._probe.measure(state) if self._probe else {}
    if self._metric == 'auto' and row:
      self._metric = default_metric(list(row)) or 'none'
    return row

  def require_metric(self, row: Mapping[str, float]) -> None:
    """Raise a UserError unless rows have `train.best_metric`.

    Args:
      row: one without a probe does not tell what probes measure.
    """
    probed = any(name.startswith('probe/') for name in row)
    unseen = self._metric.startswith('probe/') and not probed
    core.require(
      self._metric in ('auto', 'none')
      or value_of(self._metric, row) is not None
      or (unseen and self._probe is not None),
      f'train.best_metric={self._metric}: no row has it; it is auto, none '
      'or one of ' + ', '.join(sorted(row)),
    )

  def check_alarms(
    self, step: int, row: Mapping[str, float], say: Callable[[str], None]
  ) -> str | None:
    """Take a row; say which alarms begin to fire.

    Returns:
      What the run should stop for, if `train.on_alarm` is 'stop'.
    """
    begun = []
    if self._watch is not None:
      events = self._watch.add({**row, 'step': step})
      self._writer.alarms(events)
      begun = [event.text for event in events if event.begins]
      for text in begun:
        say(f'ALARM {text}')
    if self._plan.on_alarm != 'stop' or not distributed.any_process(
      bool(begun)
    ):
      return None
    return begun[0] if begun else 'an alarm fired; process 0 says which'

  def improved(self, step: int, row: Mapping[str, float]) -> bool:
    """Tell whether this step is the best so far; then its state is kept."""
    if self._metric in ('auto', 'none'):
      return False
    value = value_of(self._metric, row)
    if value is None:
      return False  # The samples were not finite.
    sign = -1 if larger_is_better(self._metric) else 1
    same = self.best if self.best and self.best.metric == self._metric else None
    better = same is None or sign * value < sign * same.value
    if not distributed.any_process(better):
      return False
    if self.best is not None and same is None:
      logging.warning('The best step is now chosen by %s.', self._metric)
    self.best = Best(step, self._metric, value)
    return True

  def host(self) -> dict[str, Any]:
    """Return what checkpoints keep of it."""
    return {'best': dataclasses.asdict(self.best) if self.best else None}

  def pictures(self, state: core.State) -> Mapping[str, np.ndarray]:
    """Return pictures of the state that was measured last."""
    return self._probe.pictures(state) if self._probe else {}
