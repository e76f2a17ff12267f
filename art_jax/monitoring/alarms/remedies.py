"""Which two fields to try when an alarm fires: as words for --set."""

import dataclasses
from collections.abc import Callable
from typing import Any

from art_jax import core
from art_jax.config import experiments, serialization

_SHOWN = 2
_AUGMENT = ('color', 'translation', 'cutout')
# The optimizers of a model, by role.
_ALL = ('optimizer', 'generator_optimizer', 'discriminator_optimizer')


@dataclasses.dataclass(frozen=True)
class Remedy:
  """A field, relative to the experiment, and its new value from the old.

  Attributes:
    field: its path; `*` stands for any field, so that networks may have any
      role: 'algorithm.*.upsample'.
    change: old value -> new one; None: it helps no more.
  """

  field: str
  change: Callable[[Any], Any]


def _times(factor: float) -> Callable[[Any], Any]:
  return lambda old: type(old)(f'{old * factor:.3g}') if old else None


def _to(new: Any) -> Callable[[Any], Any]:
  return lambda old: new if old != new else None


def _rates(factor: float, *optimizers: str) -> list[Remedy]:
  return [
    Remedy(f'algorithm.{name}.learning_rate', _times(factor))
    for name in optimizers
  ]


def _at_most(new: Any) -> Callable[[Any], Any]:
  return lambda old: new if old is None or old > new else None


_NO_COPY = [
  Remedy(
    'algorithm.stabilizers.augment', lambda old: None if old else _AUGMENT
  ),
  Remedy('data.flip', _to(True)),
]
_CLIP = [Remedy(f'algorithm.{n}.clip_norm', _at_most(1.0)) for n in _ALL]
_REMEDIES = {
  'collapse': [
    Remedy('algorithm.beta', _times(0.25)),
    *_rates(0.25, 'generator_optimizer'),
    *_rates(0.25, 'discriminator_optimizer'),
    *_rates(0.25, 'optimizer'),
    _NO_COPY[0],
  ],
  'discriminator_wins': [
    *_rates(0.25, 'discriminator_optimizer'),
    Remedy('algorithm.stabilizers.real_range', _to((0.8, 1.0))),
    Remedy('algorithm.discriminator.width', _times(0.5)),
  ],
  'generator_wins': [
    *_rates(2, 'discriminator_optimizer'),
    *_rates(0.5, 'generator_optimizer'),
  ],
  'overfitting': [
    *_NO_COPY,
    Remedy('algorithm.discriminator.width', _times(0.5)),
  ],
  'diverging': [*_rates(0.25, *_ALL), *_CLIP],
  'spiking': [*_rates(0.5, *_ALL), *_CLIP],
  'nan': [*_rates(0.25, *_ALL), Remedy('train.on_nan', _to('rollback'))],
  'no_learning': [*_rates(4, *_ALL), *_CLIP],
  'checkerboard': [
    Remedy('algorithm.*.upsample', _to('resize')),
    *_rates(0.5, 'discriminator_optimizer', 'generator_optimizer', 'optimizer'),
  ],
  'memorization': [
    *_NO_COPY,
    Remedy('algorithm.discriminator.width', _times(0.5)),
    Remedy('algorithm.latent_size', _times(0.5)),
  ],
}


def fields(alarm: str, experiment: core.Experiment) -> list[str]:
  """Return up to two assignments that may help, as `path=value`.

  A field that this experiment does not have, or that is so already, is
  passed over; so is a value that the experiment would refuse.
  """
  candidates = (
    (path, remedy.change)
    for remedy in _REMEDIES.get(alarm, [])
    for path in _paths(experiment, remedy.field)
  )
  assignments = []
  for path, change in candidates:
    try:
      old = experiments.get(experiment, path)
    except AttributeError:
      continue
    new = change(old)
    if new is None or new == old:
      continue
    text = new if isinstance(new, str) else serialization.to_text(new)
    try:
      experiments.override(experiment, [f'{path}={text}'])
    except (core.UserError, ValueError):
      continue
    assignments.append(f'{path}={text}')
  return assignments[:_SHOWN]


def _paths(experiment: core.Experiment, field: str) -> list[str]:
  """Return the paths that a field with a `*` in it stands for."""
  above, star, below = field.partition('.*')
  if not star:
    return [field]
  siblings = serialization.config_fields(experiments.get(experiment, above))
  return [f'{above}.{sibling.name}{below}' for sibling in siblings]


def sentence(assignments: list[str]) -> str:
  """Return what to type, e.g. 'try --set a=1 or --set b=2'."""
  if not assignments:
    return ''
  quoted = [
    f'--set "{text}"' if set(text) & set(" ('") else f'--set {text}'
    for text in assignments
  ]
  return 'try ' + ' or '.join(quoted)
