"""Which fields of a Gatys contradict one another."""

from typing import Any

from art_jax import core
from art_jax.algorithms import feature_layers
from art_jax.losses import style


def check(algorithm: Any) -> None:
  """Raise UserError, naming the field, unless the fields make sense."""
  style.check_reduction(algorithm.reduction)
  _one_of(algorithm, 'tv_norm', ('l1', 'l2'))
  _one_of(algorithm, 'start', ('content', 'noise', 'recolored'))
  _one_of(algorithm, 'colors', ('style', 'luminance', 'content', 'histogram'))
  if not 0 <= algorithm.margin < 32:  # the least side of a picture
    raise core.UserError(
      f'algorithm.margin={algorithm.margin}: it is in [0, 32); 16 will do'
    )
  feature_layers.check(
    algorithm.features,
    algorithm.layers,
    algorithm.style_layers,
    algorithm.style_weights,
  )


def _one_of(algorithm: Any, name: str, allowed: tuple[str, ...]) -> None:
  value = getattr(algorithm, name)
  if value not in allowed:
    raise core.UserError(
      f'algorithm.{name}={value!r}: it is one of {", ".join(allowed)}'
    )
