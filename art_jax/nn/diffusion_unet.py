"""The UNet of diffusion models: residual blocks, attention, noise level."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from art_jax.nn import conv, norm, pooling, require
from art_jax.nn.dropout import Dropout

_UNIFORM = nn.initializers.variance_scaling(1.0, 'fan_avg', 'uniform')
_SKIP = np.float32(np.sqrt(0.5))  # Keeps the variance of a sum of two.


class DiffusionUNet(nn.Module):
  """DDPM++ as EDM trains it: pictures and a noise level to a picture.

  Encoder and decoder of residual blocks with group norm and SiLU; the
  embedding of the noise level (and of a label and of the augmentation) is
  added in every block; single-head attention at the levels of `attention`.
  Convolutions before a norm have biases, as published.

  With the defaults, channels 3 and an augmentation of 9 numbers it has
  61,805,571 parameters; `multipliers=(2, 2, 2)` at 32 px has 55,733,891.

  Reference: Song et al. 2021, arXiv:2011.13456 (DDPM++); Karras et al. 2022,
  arXiv:2206.00364, table 7.

  Attributes:
    size: side of the training pictures, in pixels, which says which level has
      the sides of `attention`.
    channels: of the pictures.
    width: channels of the first level; a multiple of 4.
    multipliers: channels of each level over `width`.
    blocks: residual blocks of a level in the encoder; one more in the decoder.
    attention: sides of feature maps, for pictures of `size`, that get
      self-attention.
    patch: side of the squares of pixels that the network takes as one; 2 or 4
      makes all maps that much smaller and a step faster (Peebles & Xie
      2022, arXiv:2212.09748, section 3.2); 1: none.
    dropout: in every block; 0.13 for CIFAR-10, 0.05 to 0.25 at 64 px.
    num_classes: width of the one-hot label, 0: none.
    augment_size: width of the vector of augmentation parameters, 0: none.
    remat: compute each block again in the backward pass, to save memory.
    dtype: of the computation; norms, softmax and the result are float32.
  """

  size: int = 64
  channels: int = 3
  width: int = 128
  multipliers: tuple[int, ...] = (1, 2, 2, 2)
  blocks: int = 4
  attention: tuple[int, ...] = (16,)
  patch: int = 1
  dropout: float = 0.05
  num_classes: int = 0
  augment_size: int = 0
  remat: bool = False
  dtype: str = 'float32'

  @property
  def multiple(self) -> int:
    """Sides of the pictures are multiples of it."""
    return max(self.patch, 1) * 2 ** (len(self.multipliers) - 1)

  @nn.compact
  def __call__(
    self,
    x: jax.Array,
    noise: jax.Array,
    labels: jax.Array | None = None,
    augment: jax.Array | None = None,
    train: bool = False,
  ) -> jax.Array:
    """Map pictures to pictures of the same shape.

    Args:
      x: f32[B, H, W, C]; H and W are multiples of `multiple`.
      noise: f32[B], the noise level as the preconditioning writes it.
      labels: f32[B, num_classes], one-hot; a row of zeros: no class.
      augment: f32[B, augment_size]; None: zeros, not augmented.
      train: drop out; needs an rng 'dropout'.

    Raises:
      ValueError: naming the field or the shape that does not fit.
    """
    self._check(x)
    embedding = self._embed(noise, labels, augment)
    block = nn.remat(_Block, static_argnums=(3,)) if self.remat else _Block

    def residual(x, features, name, resample='', attention=False):
      return block(
        features, resample, attention, self.dropout, self.dtype, name=name
      )(x, embedding, train)

    levels = list(enumerate(self.multipliers))
    side = self.size // self.patch
    x = _conv(self.width, self.dtype, name='in')(_to_patches(x, self.patch))
    skips = [x]
    for level, multiplier in levels:
      if level:
        x = residual(x, x.shape[-1], f'down{level}', 'down')
        skips.append(x)
      attends = side >> level in self.attention
      for i in range(self.blocks):
        x = residual(
          x, self.width * multiplier, f'encoder{level}_{i}', attention=attends
        )
        skips.append(x)
    x = residual(x, x.shape[-1], 'middle0', attention=True)
    x = residual(x, x.shape[-1], 'middle1')
    for level, multiplier in reversed(levels):
      if level < len(levels) - 1:
        x = residual(x, x.shape[-1], f'up{level}', 'up')
      attends = side >> level in self.attention
      for i in range(self.blocks + 1):
        x = jnp.concatenate([x, skips.pop()], axis=-1)
        last = attends and i == self.blocks
        x = residual(
          x, self.width * multiplier, f'decoder{level}_{i}', attention=last
        )
    x = nn.silu(_norm(x, 'out_norm'))
    outputs = self.channels * self.patch**2
    x = _conv(outputs, self.dtype, name='out', gain=1e-10)(x)
    return _from_patches(x, self.patch).astype(jnp.float32)

  def _check(self, x: jax.Array) -> None:
    require.holds(self.patch >= 1, f'patch = {self.patch}: must be at least 1')
    require.holds(
      self.width >= 4 and self.width % 4 == 0,
      f'width = {self.width}: must be a multiple of 4',
    )
    require.holds(
      self.blocks >= 1 and self.multipliers,
      f'blocks = {self.blocks}, multipliers = {self.multipliers}: at least '
      'one block and one level',
    )
    require.holds(
      not any(side % self.multiple for side in x.shape[1:3]),
      f'pictures of {x.shape[2]}x{x.shape[1]}: with {len(self.multipliers)} '
      f'levels and patches of {self.patch} px the sides are multiples of '
      f'{self.multiple}',
    )

  def _embed(self, noise, labels, augment) -> jax.Array:
    """Return f32[B, 4 width] of noise level, label and augmentation."""

    def dense(features, name, **fields):
      return nn.Dense(features, kernel_init=_UNIFORM, name=name, **fields)

    def given(vector, size):
      return jnp.zeros((noise.shape[0], size)) if vector is None else vector

    half = self.width // 2
    rates = (1 / 10000) ** (jnp.arange(half) / max(half - 1, 1))
    angles = noise[:, None] * rates
    x = jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=1)
    if self.num_classes:
      scale = np.float32(np.sqrt(self.num_classes))
      x += dense(self.width, 'label')(given(labels, self.num_classes) * scale)
    if self.augment_size:
      x += dense(self.width, 'augment', use_bias=False)(
        given(augment, self.augment_size)
      )
    x = nn.silu(dense(4 * self.width, 'embed0')(x))
    return nn.silu(dense(4 * self.width, 'embed1')(x))


class _Block(nn.Module):
  """norm, SiLU, (resample) conv, + embedding, norm, SiLU, dropout, conv."""

  features: int
  resample: str
  attention: bool
  dropout: float
  dtype: str

  @nn.compact
  def __call__(self, x: jax.Array, embedding: jax.Array, train: bool):
    h = _resample(nn.silu(_norm(x, 'norm0')), self.resample)
    h = _conv(self.features, self.dtype, name='conv0')(h).astype(jnp.float32)
    shift = nn.Dense(self.features, kernel_init=_UNIFORM, name='affine')(
      embedding
    )
    h = nn.silu(_norm(h + shift[:, None, None], 'norm1'))
    h = Dropout(self.dropout)(h, train)
    h = _conv(self.features, self.dtype, name='conv1', gain=1e-10)(h)
    x = _resample(x, self.resample)
    if self.resample or x.shape[-1] != self.features:
      x = _conv(self.features, self.dtype, name='skip', kernel_size=1)(x)
    x = (h.astype(jnp.float32) + x) * _SKIP
    return self._attend(x) if self.attention else x

  def _attend(self, x: jax.Array) -> jax.Array:
    """Attend from every position to every other, with one head."""
    batch, height, width, features = x.shape
    h = _norm(x, 'norm2')
    qkv = _conv(3 * features, self.dtype, name='qkv', kernel_size=1, gain=0.2)(
      h
    ).reshape(batch, height * width, 1, 3 * features)
    query, key, value = jnp.split(qkv, 3, axis=-1)
    h = jax.nn.dot_product_attention(query, key, value).reshape(
      batch, height, width, features
    )
    h = _conv(features, self.dtype, name='proj', kernel_size=1, gain=1e-10)(h)
    return (h.astype(jnp.float32) + x) * _SKIP


def _conv(features, dtype, *, name, kernel_size=3, gain=1.0) -> conv.Conv:
  # EDM scales weights by 1e-5 where a block should start as the identity: the
  # variance, which gain is, by 1e-10. Uniform or normal makes no difference.
  return conv.Conv(
    features,
    kernel_size,
    kernel_init='xavier',
    gain=gain,
    dtype=dtype,
    name=name,
  )


def _to_patches(x: jax.Array, side: int) -> jax.Array:
  """Return [B, H, W, C] as [B, H / side, W / side, side^2 C]."""
  if side == 1:
    return x
  batch, height, width, channels = x.shape
  shape = height // side, width // side
  x = x.reshape(batch, shape[0], side, shape[1], side, channels)
  return x.swapaxes(2, 3).reshape(batch, *shape, -1)


def _from_patches(x: jax.Array, side: int) -> jax.Array:
  """Undo `_to_patches`."""
  if side == 1:
    return x
  batch, height, width, features = x.shape
  x = x.reshape(batch, height, width, side, side, features // side**2)
  return x.swapaxes(2, 3).reshape(batch, height * side, width * side, -1)


def _norm(x: jax.Array, name: str) -> jax.Array:
  """Normalize the most groups that divide: 32 at most, 4 channels at least."""
  channels = x.shape[-1]
  most = min(32, channels // 4)
  groups = next(n for n in range(most, 0, -1) if channels % n == 0)
  return norm.GroupNorm(groups, eps=1e-6, name=name)(x)


def _resample(x: jax.Array, way: str) -> jax.Array:
  """Double the sides by repeating, or halve them by averaging 2x2."""
  if way == 'up':
    return conv.upsample(x)
  return pooling.pool(x, 2, 'average') if way == 'down' else x
