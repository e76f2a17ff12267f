"""Layers that double the sides of pictures."""

import jax

from art_jax.nn import blur, conv

UPSAMPLES = ('transpose', 'resize', 'blur')


def double(
  x: jax.Array, features: int, upsample: str, *, name: str, **fields
) -> jax.Array:
  """Double height and width by one layer, inside a compact linen module.

  Args:
    x: [B, H, W, I].
    features: output channels.
    upsample: 'transpose' (a transposed convolution 3x3), 'resize' (nearest
      neighbor, then a convolution 3x3: no checkerboards) or 'blur' (bilinear,
      then a convolution 3x3).
    name: of the layer.
    **fields: other fields that both layers have.

  Returns:
    [B, 2 H, 2 W, features].
  """
  if upsample == 'resize':
    return conv.ResizeConv(features, name=name, **fields)(x)
  if upsample == 'blur':
    return conv.Conv(features, padding=1, name=name, **fields)(blur.double(x))
  return conv.ConvTranspose(features, 3, output_padding=1, name=name, **fields)(
    x
  )
