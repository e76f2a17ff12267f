"""Which step of a run is the best."""

import dataclasses
from collections.abc import Mapping

import numpy as np

# Larger is better for these; for errors and distances smaller is.
_LARGER = ('diversity', 'distinct', 'recall', 'precision', 'verdict')


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
  return metric.split('/')[min(1, metric.count('/'))] in _LARGER


def default_metric(names: list[str]) -> str | None:
  """Return which of a run's measurements tells its best step.

  The reconstruction error of an autoencoder and the distance to the truth of
  a translator of pairs; else KID. A translator's directions are averaged.
  """
  kinds = ('probe/l1/', 'probe/kid/')
  suited = (n for kind in kinds for n in names if n.startswith(kind))
  return next(('/'.join(name.split('/')[:3]) for name in suited), None)


def value_of(metric: str, row: Mapping[str, float]) -> float | None:
  """Return the value of a metric in a row, averaged over directions."""
  values = [
    value
    for name, value in row.items()
    if name == metric or name.startswith(f'{metric}/')
  ]
  return float(np.mean(values)) if values else None
