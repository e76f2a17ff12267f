"""What a Projected GAN's discriminators see, and what they are.

Sauer, Chitta, Mueller, Geiger 2021, "Projected GANs Converge Faster",
arXiv:2111.01007, section 3.2 and appendix: features of a frozen network at four
scales are mixed across channels and across scales by random convolutions, and
each scale has a discriminator.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import conv, norm, require

NUM_SCALES = 4
MULTIPLE = 32  # of the side of the pictures that are projected
_EMBEDDED = 64  # numbers that a class becomes
_END = 8  # side at which a discriminator halves no more
# The variance that PyTorch's layers begin with, 1 / (3 I).
_LAYER = {'kernel_init': 'he', 'gain': 1 / 6, 'spectral_norm': True}


class Projection(nn.Module):
  """Mix features across channels, then across scales; never trained.

  Cross-channel mixing: a 1x1 convolution of each scale to 1, 2, 4 and 8 times
  `features` channels. Cross-scale mixing, from the coarsest scale to the
  finest: a 3x3 convolution to half the channels, bilinear x2, added to the next
  scale. All kernels are those that He et al. begin with, without biases.
  # Differs from the authors' code: it enlarges before a convolution of 1x1.

  Attributes:
    features: channels of the finest scale; 64 in the paper.
    dtype: of the computation and the result.
  """

  features: int = 64
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, taps: Sequence[jax.Array]) -> tuple[jax.Array, ...]:
    """Project the features of four scales, each half of the one before.

    Args:
      taps: [B, H, W, C0], [B, H / 2, W / 2, C1], ...

    Returns:
      [B, 2 H, 2 W, F], [B, H, W, F], [B, H / 2, W / 2, 2 F] and [B, H / 4, W /
      4, 4 F] with F = features.
    """
    require.at_least(self, features=1)
    layer = functools.partial(
      conv.Conv, use_bias=False, kernel_init='he', gain=1.0, dtype=self.dtype
    )
    mixed, above = [], None
    for i in reversed(range(NUM_SCALES)):
      x = layer(self.features * 2**i, 1, name=f'channel_{i}')(taps[i])
      x = x if above is None else x + above
      above = double(
        layer(self.features * 2 ** max(i - 1, 0), name=f'scale_{i}')(x)
      )
      mixed.append(above)
    return tuple(reversed(mixed))


class ProjectedDiscriminator(nn.Module):
  """A discriminator for each scale, and with a width one for the pixels.

  One on features: 4x4 convolutions of stride 2, batch norm and leaky ReLU of
  slope 0.2, at least one and down to 8x8 px, then a 4x4 convolution to the
  logits, 5x5 of them. Of a class, the last convolution makes 64 numbers at each
  position instead, and the logit is their product with an embedding of the
  class, divided by 8.
  # Differs from the paper: features below 8 px (of pictures below 256) are
  # halved once, and a last kernel is no larger than what it sees.

  The one on pixels, not part of the paper: three such convolutions without
  norms. Features at a quarter of the side do not see the finest pixels.

  Every convolution has spectral norm. The parameter tree: scale_0, ...,
  scale_3, pixels.

  Attributes:
    width: n; features of 64, 32, 16 and 8 px have 1, 2, 4 and 8 n channels,
      larger ones n; 64 in the paper.
    pixel_width: channels after the first convolution of the one on pixels; 0:
      there is none, as published.
    dtype: dtype of the layers; parameters and logits are float32.
  """

  width: int = 64
  pixel_width: int = 0
  dtype: str = 'float32'

  @nn.compact
  def __call__(
    self,
    x: jax.Array,
    features: Sequence[jax.Array],
    y: jax.Array | None = None,
    train: bool = False,
  ) -> tuple[jax.Array, ...]:
    """Judge pictures.

    Args:
      x: f32[B, H, W, C] in [-1, 1].
      features: of `Projection`.
      y: f32[B, K], one-hot; None: there are no classes.
      train: batch norm uses the statistics of the batch.

    Returns:
      f32[B, n] of each discriminator: logits; larger means more real.
    """
    require.at_least(self, width=1, pixel_width=0)
    logits = []
    for i, z in enumerate(features):
      plan, side = [], z.shape[1]
      while side > _END or not plan:
        side = -(-side // 2)
        plan.append(self.width * min(max(64 // side, 1), 8))
      logits.append(
        _Judge(plan, 'batch', self.dtype, name=f'scale_{i}')(z, y, train)
      )
    if self.pixel_width:
      plan = [self.pixel_width * 2**i for i in range(3)]
      logits.append(
        _Judge(plan, 'none', self.dtype, name='pixels')(x, y, train)
      )
    return tuple(logits)


class _Judge(nn.Module):
  """One discriminator; see `ProjectedDiscriminator`."""

  plan: Sequence[int]
  norm: str
  dtype: str

  @nn.compact
  def __call__(self, x, y, train):
    layer = functools.partial(
      conv.Conv, kernel_size=4, dtype=self.dtype, **_LAYER
    )
    normed = self.norm != 'none'
    for i, features in enumerate(self.plan):
      x = layer(
        features, stride=2, padding=1, use_bias=not normed, name=f'conv_{i}'
      )(x)
      x = nn.leaky_relu(
        norm.apply_norm(
          self.norm, x, train, dtype=self.dtype, name=f'norm_{i}'
        ),
        0.2,
      )
    head = functools.partial(
      layer,
      padding='VALID',
      use_bias=False,
      kernel_size=min(4, x.shape[1]),
      name='head',
    )
    if y is None:
      x = head(1)(x)
    else:
      embedded = nn.Dense(_EMBEDDED, dtype=self.dtype, name='embed')(y)
      products = head(_EMBEDDED)(x) * embedded[:, None, None]
      x = jnp.sum(products, 3) / _EMBEDDED**0.5
    return x.reshape(len(x), -1).astype(jnp.float32)


def double(x: jax.Array) -> jax.Array:
  """Enlarge [B, H, W, C] to [B, 2 H, 2 W, C] bilinearly.

  Pixels are squares: the two new ones of a pixel lie a quarter from its middle
  (PyTorch's align_corners=False); the border is repeated.
  """
  for axis in (1, 2):
    size = x.shape[axis]
    take = functools.partial(jax.lax.slice_in_dim, x, axis=axis)
    before = jnp.concatenate([take(0, 1), take(0, size - 1)], axis)
    after = jnp.concatenate([take(1, size), take(size - 1, size)], axis)
    near = 0.75 * x
    pair = jnp.stack([near + 0.25 * before, near + 0.25 * after], axis + 1)
    x = pair.reshape(*x.shape[:axis], 2 * size, *x.shape[axis + 1 :])
  return x
