"""Adaptive instance normalization, and the decoder that paints from it."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import conv, pure, require

_EPSILON = 1e-5
# Convolutions of the first three blocks of VGG, which the decoder mirrors.
_BLOCKS = {16: (2, 2, 3), 19: (2, 2, 4)}


def moments(features: jax.Array) -> tuple[jax.Array, jax.Array]:
  """Return mean and deviation over the positions of [B, h, w, C]: f32[B, C].

  The deviation is sqrt(variance + 1e-5), so that its gradient is finite.
  """
  features = features.astype(jnp.float32)
  if pure.is_in_parts():
    from art_jax.nn import whole  # here: of large pictures alone

    mean, variance = whole.moments(features)
    return mean, jnp.sqrt(variance + _EPSILON)
  mean = features.mean((1, 2))
  variance = jnp.square(features - mean[:, None, None]).mean((1, 2))
  return mean, jnp.sqrt(variance + _EPSILON)


def adain(features: jax.Array, mean: jax.Array, deviation: jax.Array):
  """Return AdaIN(x, y) = s(y) (x - m(x)) / s(x) + m(y).

  Args:
    features: x, [B, h, w, C].
    mean: m(y), f32[B or 1, C].
    deviation: s(y), the same shape.

  Returns:
    f32[B, h, w, C].

  Reference: Huang & Belongie 2017, arXiv:1703.06868, equation 8.
  """
  own_mean, own_deviation = moments(features)
  scale = deviation / own_deviation
  shift = mean - own_mean * scale
  return features * scale[:, None, None] + shift[:, None, None]


class AdaINDecoder(nn.Module):
  """The mirror image of VGG up to relu4_1: 3,505,219 parameters (VGG-19).

  2,915,139 for VGG-16, and 555,075 of either up to relu3_1. Every convolution
  pads by reflection and is followed by a ReLU but the last one; where VGG
  pools, the nearest pixels are doubled. Layers are named after those that they
  mirror: conv4_1, ..., conv1_1.

  Reference: Huang & Belongie 2017, arXiv:1703.06868, section 6.1.

  Attributes:
    depth: 16 or 19, of the VGG.
    width: channels of the last block (paper: 64); the others follow.
    blocks: how often it doubles: 3 behind relu4_1 (paper), 2 behind relu3_1, 1
      behind relu2_1.
    dtype: dtype of the layers; parameters and results are float32.
  """

  depth: int = 19
  width: int = 64
  blocks: int = 3
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
    """Map relu4_1 [B, h, w, C] to a picture f32[B, 8 h, 8 w, 3].

    With fewer blocks, relu3_1 to f32[B, 4 h, 4 w, 3] and so on. [-1, 1] is the
    range of pictures; results may leave it.
    """
    require.holds(
      self.depth in _BLOCKS, f'depth = {self.depth}: must be 16 or 19'
    )
    require.at_least(self, width=1, blocks=1)
    require.holds(
      self.blocks <= 3, f'blocks = {self.blocks}: must be 1, 2 or 3'
    )
    channels = self.width * 2 ** (self.blocks - 1)
    x = self._conv(x, channels, f'conv{self.blocks + 1}_1')
    for block in range(self.blocks, 0, -1):
      x = conv.upsample(x)
      channels = self.width * 2 ** (block - 1)
      for number in range(_BLOCKS[self.depth][block - 1], 1, -1):
        x = self._conv(x, channels, f'conv{block}_{number}')
      if block > 1:
        x = self._conv(x, channels // 2, f'conv{block}_1')
    return self._conv(x, 3, 'conv1_1', last=True).astype(jnp.float32)

  def _conv(self, x, features, name, last=False):
    x = conv.Conv(
      features,
      padding='VALID',
      kernel_init='he',
      gain=0.01 if last else 1.0,  # gray at first
      dtype=self.dtype,
      name=name,
    )(conv.reflect_pad(x, 1))
    return x if last else nn.relu(x)
