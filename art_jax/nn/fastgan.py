"""The generator of FastGAN, for 64 to 1,024 px and hundreds of pictures.

Liu, Zhu, Song, Elgammal 2021, "Towards Faster and Stabilized GAN Training for
High-fidelity Few-shot Image Synthesis", arXiv:2101.04775; the light form, and
the conditional one, are those that Sauer et al. 2021, arXiv:2111.01007, train.
"""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import conv, norm, require

SIZES = (64, 128, 256, 512, 1024)
# Channels of the features by their side, as multiples of the width.
_CHANNELS = {
  4: 16,
  8: 8,
  16: 4,
  32: 2,
  64: 2,
  128: 1,
  256: 0.5,
  512: 0.25,
  1024: 0.125,
}
_EXCITED = (64, 128, 256, 512)  # each by the features of a 16th of its side
_BATCH_NORM = functools.partial(norm.BatchNorm, scale_std=0.02)
# The variance that PyTorch's layers begin with, 1 / (3 I).
_LAYER = {'kernel_init': 'he', 'gain': 1 / 6, 'spectral_norm': True}


class FastGANGenerator(nn.Module):
  """Map latents to pictures.

  The latent, scaled to a mean square of 1, becomes 4x4 features by a transposed
  convolution; then every block doubles the side: `UpBlock`, which in the full
  form alternates with `NoisyUpBlock`. From 64 px on the features of a 16th of
  the side say how much each channel counts (`Excitation`). Every convolution
  has spectral norm. The parameter tree: first, up_8, up_16, ..., excite_64,
  ..., to_picture.

  Light, width 64: 23,195,011 parameters at 64 px, 23,869,379 at 128,
  24,037,603 at 256; width 12 at 64 px: 2,095,179.

  Attributes:
    size: side of the pictures in pixels, one of `SIZES`.
    channels: of the pictures: 3 or 1.
    width: n; features of 4, 8, 16, ... px have 16, 8, 4, 2, 2, 1, 1/2, 1/4 and
      1/8 times n channels, at least 1. 64 in both papers; less of it is what
      makes the network fast on a CPU.
    latent_size: numbers in a latent; 256 in both papers.
    light: every block is an `UpBlock`: better and faster on small sets (Sauer
      et al. 2021).
    dtype: dtype of the layers; parameters and pictures are float32.
  """

  size: int = 256
  channels: int = 3
  width: int = 64
  latent_size: int = 256
  light: bool = True
  dtype: str = 'float32'

  @nn.compact
  def __call__(
    self, z: jax.Array, y: jax.Array | None = None, train: bool = False
  ) -> jax.Array:
    """Draw one picture per latent.

    Args:
      z: f32[B, latent_size] from N(0, 1).
      y: f32[B, K], one-hot; None: there are no classes. Every batch norm's
        scale and bias then depend on an embedding of the class.
      train: batch norm uses the statistics of the batch, and the noise of the
        full form is drawn from the key 'dropout'; else it is always the same.

    Returns:
      f32[B, size, size, channels] in [-1, 1].

    Raises:
      ValueError: on a field or a latent that is not allowed.
    """
    require.holds(
      self.size in SIZES,
      f'size = {self.size}: FastGAN makes {", ".join(map(str, SIZES))} px',
    )
    require.at_least(self, width=1, latent_size=1, channels=1)
    require.holds(
      z.ndim == 2 and z.shape[1] == self.latent_size,
      f'latents of shape {z.shape}: expected [B, {self.latent_size}]',
    )
    embed = nn.Dense(
      self.latent_size, use_bias=False, dtype=self.dtype, name='embed'
    )
    style = None if y is None else embed(y)
    z *= jax.lax.rsqrt(jnp.mean(jnp.square(z), 1, keepdims=True) + 1e-8)
    features = {4: self._first(z, style, train)}
    sides = [side for side in _CHANNELS if 4 < side <= self.size]
    for i, side in enumerate(sides):
      block = UpBlock if self.light or i % 2 else NoisyUpBlock
      x = block(_channels(self.width, side), self.dtype, name=f'up_{side}')(
        features[side // 2], style, train
      )
      if side in _EXCITED:
        x = Excitation(x.shape[-1], self.dtype, name=f'excite_{side}')(
          features[side // 16], x
        )
      features[side] = x
    x = conv.Conv(self.channels, dtype=self.dtype, name='to_picture', **_LAYER)(
      x
    )
    return jnp.tanh(x.astype(jnp.float32))

  def _first(self, z, style, train):
    x = conv.ConvTranspose(
      2 * _channels(self.width, 4),
      stride=1,
      padding=0,
      use_bias=False,
      dtype=self.dtype,
      name='first',
      **_LAYER,
    )(z[:, None, None])
    return glu(ClassNorm(self.dtype, name='first_norm')(x, style, train))


class UpBlock(nn.Module):
  """Repeat each pixel 2x2; convolve 3x3, batch norm, gated linear unit.

  Attributes:
    features: output channels.
    dtype: of the layers.
  """

  features: int
  dtype: str = 'float32'

  @nn.compact
  def __call__(
    self, x: jax.Array, style: jax.Array | None = None, train: bool = False
  ) -> jax.Array:
    """Map [B, H, W, I] to [B, 2 H, 2 W, features]."""
    x = _double(2 * self.features, self.dtype)(x)
    return glu(ClassNorm(self.dtype, name='norm_0')(x, style, train))


class NoisyUpBlock(nn.Module):
  """`UpBlock` and a second convolution, both with noise before the norm.

  Attributes:
    features: output channels.
    dtype: of the layers.
  """

  features: int
  dtype: str = 'float32'

  @nn.compact
  def __call__(
    self, x: jax.Array, style: jax.Array | None = None, train: bool = False
  ) -> jax.Array:
    """Map [B, H, W, I] to [B, 2 H, 2 W, features]."""
    x = _double(2 * self.features, self.dtype)(x)
    x = Noise(name='noise_0')(x, train)
    x = glu(ClassNorm(self.dtype, name='norm_0')(x, style, train))
    x = conv.Conv(
      2 * self.features,
      use_bias=False,
      dtype=self.dtype,
      name='conv_1',
      **_LAYER,
    )(x)
    x = Noise(name='noise_1')(x, train)
    return glu(ClassNorm(self.dtype, name='norm_1')(x, style, train))


class Excitation(nn.Module):
  """Skip-layer excitation: small features weigh the channels of large ones.

  large * sigmoid(1x1(silu(4x4(mean of small to 4x4 px)))): equation 1 and
  figure 3 of Liu et al.

  Attributes:
    features: channels of the large ones.
    dtype: of the layers.
  """

  features: int
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, small: jax.Array, large: jax.Array) -> jax.Array:
    """Return [B, H, W, features], like large.

    Args:
      small: [B, h, h, C], h a multiple of 4.
      large: [B, H, W, features].
    """
    rows, side, _, channels = small.shape
    cell = side // 4
    x = small.reshape(rows, 4, cell, 4, cell, channels).mean((2, 4))
    layer = functools.partial(
      conv.Conv,
      self.features,
      padding='VALID',
      use_bias=False,
      dtype=self.dtype,
      **_LAYER,
    )
    x = nn.silu(layer(kernel_size=4, name='conv_0')(x))
    return large * nn.sigmoid(layer(kernel_size=1, name='conv_1')(x))


class Noise(nn.Module):
  """Add noise, one number for each position, with a weight that is learned.

  The weight is 0 at first.
  """

  @nn.compact
  def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
    """Map [B, H, W, C] to the same shape.

    Args:
      x: features.
      train: the noise comes from the key 'dropout'; else it is always the
        same, so that a latent has one picture.
    """
    weight = self.param('weight', nn.initializers.zeros, ())
    if train:
      noise = jax.random.normal(self.make_rng('dropout'), (*x.shape[:3], 1))
    else:
      noise = jax.random.normal(jax.random.key(0), (1, *x.shape[1:3], 1))
    return x + (weight * noise).astype(x.dtype)


class ClassNorm(nn.Module):
  """Batch norm; with classes scaled and moved by what an embedding says.

  # Differs from the paper: the batch norm keeps a scale and a bias that all
  # classes share; the linear layers are without spectral norm.

  Attributes:
    dtype: of the result.
  """

  dtype: str = 'float32'

  @nn.compact
  def __call__(
    self, x: jax.Array, style: jax.Array | None, train: bool
  ) -> jax.Array:
    """Map [B, H, W, C], with style f32[B, E] or None, to the same shape."""
    x = _BATCH_NORM(dtype=self.dtype, name='norm')(x, train)
    if style is None:
      return x
    layer = functools.partial(
      nn.Dense, x.shape[-1], use_bias=False, dtype=self.dtype
    )
    gain, bias = (layer(name=name)(style) for name in ('gain', 'bias'))
    return x * (1 + gain[:, None, None]) + bias[:, None, None]


def glu(x: jax.Array) -> jax.Array:
  """Return a sigmoid(b), a and b the halves of the channels of x."""
  a, b = jnp.split(x, 2, axis=-1)
  return a * nn.sigmoid(b)


def _channels(width: int, side: int) -> int:
  return max(1, int(width * _CHANNELS[side]))


def _double(features: int, dtype: str) -> conv.ResizeConv:
  return conv.ResizeConv(
    features,
    padding='zeros',
    use_bias=False,
    dtype=dtype,
    name='conv_0',
    **_LAYER,
  )
