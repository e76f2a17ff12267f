"""Fields that name layers of a feature network, checked."""

from collections.abc import Sequence

from flax import linen as nn

from art_jax import core


def check(
  features: nn.Module,
  layers: Sequence[str],
  style_layers: Sequence[str],
  style_weights: Sequence[float],
) -> None:
  """Raise UserError unless the layers exist and each style layer has a weight.

  Args:
    features: the network, e.g. `VGG`.
    layers: all that are looked at.
    style_layers: those of the style.
    style_weights: one for each of them.
  """
  if len(style_layers) != len(style_weights):
    raise core.UserError(
      f'algorithm.style_weights={style_weights}: one for each of '
      f'algorithm.style_layers={style_layers}; pass {len(style_layers)} numbers'
    )
  if not layers:
    raise core.UserError('algorithm.style_layers=(): name a layer')
  known = features.layer_names()
  for name in layers:
    if name not in known:
      raise core.UserError(
        f'algorithm has the layer {name!r}: {type(features).__name__} has '
        f'{", ".join(known)}'
      )
