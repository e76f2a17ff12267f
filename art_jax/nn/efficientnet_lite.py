"""EfficientNet-Lite0, a small classifier whose layers make features.

Tan & Le 2019, "EfficientNet", arXiv:1905.11946; the Lite variant of its
authors (2020) has no squeeze-and-excitation and ReLU6 for swish. Names are
those of efficientnet_pytorch; batch norms are part of the convolutions (see
`weights.efficientnet_lite`).
"""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import conv, depthwise

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
# Stages whose output is the last at its side.
_TAPPED = (1, 2, 4, 6)


class EfficientNetLite0(nn.Module):
  """Pictures to the 1,280 means of the last convolution, or to layers on it.

  Attributes:
    width: factor on the channels of all layers; published weights have 1.
    depth: most blocks of a stage; None: as published.
    dtype: of the computation.
  """

  width: float = 1.0
  depth: int | None = None
  dtype: str = 'float32'

  @nn.compact
  def __call__(
    self, x: jax.Array, taps: bool = False
  ) -> jax.Array | tuple[jax.Array, ...]:
    """Map f32[B, 224, 224, 3], (bytes - 127) / 128, to f32[B, 1280].

    With `taps`, map f32[B, H, W, 3], H and W multiples of 32, to the outputs of
    the last stages at a quarter, an eighth, a 16th and a 32nd of the side:
    [B, H / 4, W / 4, 24], ... 40, 112 and 320 channels.
    """
    layer = functools.partial(conv.Conv, kernel_init='he', dtype=self.dtype)
    x = _relu6(layer(self._channels(32), 3, 2, name='_conv_stem')(x))
    ends, number = [], 0
    for repeats, kernel, stride, expansion, features in _STAGES:
      for i in range(min(repeats, self.depth or repeats)):
        x = Block(
          self._channels(features),
          kernel,
          1 if i else stride,
          expansion,
          self.dtype,
          name=f'_blocks_{number}',
        )(x)
        number += 1
      ends.append(x)
    if taps:
      return tuple(ends[stage] for stage in _TAPPED)
    return (
      _relu6(layer(self._channels(WIDTH), 1, name='_conv_head')(x))
      .mean(axis=(1, 2))
      .astype(jnp.float32)
    )

  def _channels(self, count: int) -> int:
    return max(1, round(self.width * count))


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
    layer = functools.partial(conv.Conv, kernel_init='he', dtype=self.dtype)
    if self.expansion != 1:
      x = _relu6(layer(channels, 1, name='_expand_conv')(x))
    x = depthwise.DepthwiseConv(
      self.kernel, self.stride, self.dtype, name='_depthwise_conv'
    )(x)
    x = layer(self.features, 1, name='_project_conv')(_relu6(x))
    return x + inputs if (self.stride == 1 and inputs.shape == x.shape) else x


def _relu6(x: jax.Array) -> jax.Array:
  return jnp.clip(x, 0, 6)
