"""EfficientNet-Lite0, a small classifier whose pooled output makes features.

Tan & Le 2019, "EfficientNet", arXiv:1905.11946; the Lite variant of its
authors (2020) has no squeeze-and-excitation and ReLU6 for swish. Names are
those of efficientnet_pytorch; batch norms are part of the convolutions (see
`weights.efficientnet_lite`).
"""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn.conv import Conv

SIDE = 224  # of the input
WIDTH = 1280
# Repeats, kernel, stride of the first, expansion, output channels.
_STAGES = (
  (1, 3, 1, 1, 16),
  (2, 3, 2, 6, 24),
  (2, 5, 2, 6, 40),
  (3, 3, 2, 6, 80),
  (3, 5, 1, 6, 112),
  (4, 5, 2, 6, 192),
  (1, 3, 1, 6, 320),
)


class EfficientNetLite0(nn.Module):
  """Pictures to the 1,280 means of the last convolution.

  Attributes:
    dtype: of the computation.
  """

  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Map f32[B, 224, 224, 3], (bytes - 127) / 128, to f32[B, 1280]."""
    layer = functools.partial(Conv, kernel_init='he', dtype=self.dtype)
    x = _relu6(layer(32, 3, 2, name='_conv_stem')(x))
    blocks = [
      (features, kernel, 1 if i else stride, expansion)
      for repeats, kernel, stride, expansion, features in _STAGES
      for i in range(repeats)
    ]
    for i, fields in enumerate(blocks):
      x = Block(*fields, self.dtype, name=f'_blocks_{i}')(x)
    return (
      _relu6(layer(WIDTH, 1, name='_conv_head')(x))
      .mean(axis=(1, 2))
      .astype(jnp.float32)
    )


class Block(nn.Module):
  """Expand by 1x1, filter each channel, project by 1x1; add the input."""

  features: int
  kernel: int
  stride: int
  expansion: int
  dtype: str

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Map [B, H, W, I] to [B, H / stride, W / stride, features]."""
    inputs, channels = x, x.shape[-1] * self.expansion
    layer = functools.partial(Conv, kernel_init='he', dtype=self.dtype)
    if self.expansion != 1:
      x = _relu6(layer(channels, 1, name='_expand_conv')(x))
    # One filter per channel: `conv` has no groups.
    x = nn.Conv(
      channels,
      (self.kernel,) * 2,
      self.stride,
      padding='SAME',
      feature_group_count=channels,
      dtype=self.dtype,
      name='_depthwise_conv',
    )(x)
    x = layer(self.features, 1, name='_project_conv')(_relu6(x))
    return x + inputs if (self.stride == 1 and inputs.shape == x.shape) else x


def _relu6(x: jax.Array) -> jax.Array:
  return jnp.clip(x, 0, 6)
