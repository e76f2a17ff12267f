"""Layers that double the sides of pictures."""

import jax

from art_jax.nn import conv

UPSAMPLES = ('transpose', 'resize')


def double(
  x: jax.Array, features: int, upsample: str, *, name: str, **fields
) -> jax.Array:
  """Double height and width by one layer, inside a compact linen module.

  Args:
    x: [B, H, W, I].
    features: output channels.
    upsample: 'transpose' (a transposed convolution 3x3) or 'resize' (nearest
      neighbor, then a convolution 3x3: no checkerboards).
    name: of the layer.
    **fields: other fields that both layers have.

  Returns:
    [B, 2 H, 2 W, features].
  """
  if upsample == 'resize':
    return conv.ResizeConv(features, name=name, **fields)(x)
  layer = conv.ConvTranspose(features, 3, output_padding=1, name=name, **fields)
  return layer(x)
