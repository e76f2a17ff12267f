"""The ResNet generator of CycleGAN."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import conv, doubling, norm, require
from art_jax.nn.dropout import Dropout


class ResidualBlock(nn.Module):
  """x + norm(conv(drop(relu(norm(conv(x)))))), 3x3, reflection padded.

  Attributes: as of `ResnetGenerator`.
  """

  norm: str = 'instance'
  dropout: float = 0.0
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
    """Map [B, H, W, C] to the same shape."""
    y = x
    for i in range(2):
      y = conv.Conv(
        x.shape[-1],
        padding='VALID',
        use_bias=self.norm != 'batch',
        dtype=self.dtype,
        name=f'conv_{i}',
      )(conv.reflect_pad(y, 1))
      y = norm.apply_norm(
        self.norm, y, train, dtype=self.dtype, name=f'norm_{i}'
      )
      if i == 0:
        y = Dropout(self.dropout)(nn.relu(y), train)
    return x + y


class ResnetGenerator(nn.Module):
  """Translate images: 7x7 conv, halvings, residual blocks, doublings, 7x7 conv.

  The parameter tree: stem, stem_norm, down_0, down_0_norm, down_1, ...,
  block_I/conv_0, norm_0, conv_1, norm_1, up_0, up_0_norm, up_1, ..., head.
  Convolutions before a batch norm have no bias, those before an instance norm
  have one, as in the authors' code: 11,378,179 parameters by default, 7,837,699
  with 6 blocks.

  Reference: Zhu et al. 2017, arXiv:1703.10593, appendix 7.2; Johnson et al.
  2016, arXiv:1603.08155.

  Attributes:
    width: channels after the first convolution (64 in the paper).
    blocks: residual blocks; the paper takes 6 at 128 px and 9 from 256 px on.
    channels: channels of the result.
    norm: 'instance' (no parameters; the paper), 'instance_affine', 'batch' or
      'none'. An instance norm forgets how bright the whole picture was.
    upsample: 'transpose' (the paper) or 'resize' (nearest, then a convolution:
      no checkerboards).
    dropout: rate inside the blocks, needs the rng 'dropout' in training.
    halvings: how often the size is halved before the blocks (2 in the paper);
      1 keeps the detail of small pictures.
    dtype: dtype of the layers; parameters and results are float32.
  """

  width: int = 64
  blocks: int = 9
  channels: int = 3
  norm: str = 'instance'
  upsample: str = 'transpose'
  dropout: float = 0.0
  halvings: int = 2
  dtype: str = 'float32'

  @property
  def multiple(self) -> int:
    """Height and width of the images are multiples of it."""
    return 2**self.halvings

  def _check(self, shape: tuple[int, ...]) -> None:
    require.at_least(self, width=1, blocks=0, channels=1, halvings=0)
    require.one_of('norm', self.norm, norm.NORMS)
    require.one_of('upsample', self.upsample, doubling.UPSAMPLES)
    require.rate('dropout', self.dropout)
    require.images(shape)
    require.multiples(shape, self.multiple, 2 * self.multiple)

  @nn.compact
  def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
    """Translate x.

    Args:
      x: [B, H, W, C] in [-1, 1], H and W multiples of `multiple`.
      train: batch statistics and dropout on.

    Returns:
      f32[B, H, W, channels] in [-1, 1].

    Raises:
      ValueError: on a field or an image size that is not allowed.
    """
    self._check(x.shape)
    bias = self.norm != 'batch'

    def norm_relu(x, name):
      name += '_norm'
      x = norm.apply_norm(self.norm, x, train, dtype=self.dtype, name=name)
      return nn.relu(x)

    def layer(features, **kwargs):
      return conv.Conv(features, dtype=self.dtype, **kwargs)

    x = conv.reflect_pad(x, 3)
    x = layer(
      self.width, kernel_size=7, padding='VALID', use_bias=bias, name='stem'
    )(x)
    x = norm_relu(x, 'stem')
    for i in range(self.halvings):
      width = self.width * 2 ** (i + 1)
      x = layer(width, stride=2, padding=1, use_bias=bias, name=f'down_{i}')(x)
      x = norm_relu(x, f'down_{i}')
    for i in range(self.blocks):
      x = ResidualBlock(self.norm, self.dropout, self.dtype, name=f'block_{i}')(
        x, train
      )
    for i in range(self.halvings):
      width = self.width * 2 ** (self.halvings - 1 - i)
      x = doubling.double(
        x, width, self.upsample, use_bias=bias, dtype=self.dtype, name=f'up_{i}'
      )
      x = norm_relu(x, f'up_{i}')
    x = layer(self.channels, kernel_size=7, padding='VALID', name='head')(
      conv.reflect_pad(x, 3)
    )
    return jnp.tanh(x.astype(jnp.float32))
