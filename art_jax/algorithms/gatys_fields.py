"""Which fields of a Gatys contradict one another."""

from typing import Any

from art_jax import core
from art_jax.losses import style


def check(algorithm: Any) -> None:
  """Raise UserError, naming the field, unless the fields make sense."""
  style.check_reduction(algorithm.reduction)
  _one_of(algorithm, 'tv_norm', ('l1', 'l2'))
  _one_of(algorithm, 'start', ('content', 'noise'))
  _one_of(algorithm, 'colours', ('style', 'luminance', 'content'))
  if len(algorithm.style_layers) != len(algorithm.style_weights):
    raise core.UserError(
      f'algorithm.style_weights={algorithm.style_weights}: one for each of '
      f'algorithm.style_layers={algorithm.style_layers}; pass '
      f'{len(algorithm.style_layers)} numbers'
    )
  if not algorithm.content_layers and not algorithm.style_layers:
    raise core.UserError('algorithm.style_layers=(): name a layer')
  net, known = type(algorithm.features), algorithm.features.layer_names()
  for name in algorithm.layers:
    if name not in known:
      raise core.UserError(
        f'algorithm has the layer {name!r}: {net.__name__} has '
        f'{", ".join(known)}'
      )


def _one_of(algorithm: Any, name: str, allowed: tuple[str, ...]) -> None:
  value = getattr(algorithm, name)
  if value not in allowed:
    raise core.UserError(
      f'algorithm.{name}={value!r}: it is one of {", ".join(allowed)}'
    )
