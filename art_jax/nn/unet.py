"""The U-Net generator of pix2pix."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import conv, doubling, norm, require
from art_jax.nn.dropout import Dropout


class UNet(nn.Module):
  """Translate images: halvings down to the bottom, doublings with skips.

  Encoder C64-C128-C256-C512-C512-...: 4x4 convolutions of stride 2 and leaky
  ReLU of slope 0.2. Decoder CD512-CD512-CD512-C512-...-C256-C128-C64 of
  transposed convolutions; each takes the output of the one below next to the
  encoder's of the same size. No norm after the first convolution and at the
  bottom. Only the last layer has a bias where the norm is batch: 54,413,955
  parameters with 8 levels ('unet_256'), 41,828,995 with 7 ('unet_128').

  The parameter tree: down_0, down_1, down_1_norm, ..., up_0 (the innermost),
  up_0_norm, ..., head.

  Reference: Isola et al. 2017, arXiv:1611.07004, section 3.2.1 and appendix
  6.1.1; Ronneberger et al. 2015, arXiv:1505.04597.

  Attributes:
    width: channels after the first convolution; doubles up to 8 * width.
    levels: halvings; 8 takes 256 px down to one pixel, 7 takes 128 px.
    channels: channels of the result.
    norm: 'batch' (the paper), 'instance', 'instance_affine', 'layer' or 'none'.
    dropout: rate in the inner decoder blocks (0.5 in the paper, where it is the
      only source of noise); needs the rng 'dropout', off without it.
    dropout_blocks: innermost decoder blocks that have it; 3 in the paper.
    upsample: 'transpose' (4x4 convolutions; the paper), 'resize' (nearest
      neighbor, then a convolution 3x3: no checkerboards) or 'blur' (bilinear,
      then a convolution 3x3: no blocks at edges either).
    dtype: dtype of the layers; parameters and results are float32.
  """

  width: int = 64
  levels: int = 8
  channels: int = 3
  norm: str = 'batch'
  dropout: float = 0.5
  dropout_blocks: int = 3
  upsample: str = 'transpose'
  dtype: str = 'float32'

  @property
  def multiple(self) -> int:
    """Height and width of the images are multiples of it."""
    return 2**self.levels

  def _check(self, shape: tuple[int, ...]) -> None:
    require.at_least(self, width=1, levels=2, channels=1, dropout_blocks=0)
    require.one_of('norm', self.norm, norm.NORMS)
    require.one_of('upsample', self.upsample, doubling.UPSAMPLES)
    require.rate('dropout', self.dropout)
    require.images(shape)
    reason = (
      f'levels = {self.levels} halves it {self.levels} times (take fewer '
      'levels), so it '
    )
    require.multiples(shape, self.multiple, self.multiple, reason)

  def _widths(self) -> list[int]:
    return [self.width * min(2**i, 8) for i in range(self.levels)]

  @nn.compact
  def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
    """Translate x.

    Args:
      x: [B, H, W, C] in [-1, 1], H and W multiples of `multiple`.
      train: the batch's statistics instead of the running ones, and dropout.

    Returns:
      f32[B, H, W, channels] in [-1, 1].

    Raises:
      ValueError: on a field or an image size that is not allowed.
    """
    self._check(x.shape)
    *skips, x = self._encode(x, train)
    for i, features in enumerate(reversed(self._widths()[:-1])):
      x = self._double(x, features, f'up_{i}', self.norm != 'batch')
      x = self._norm(x, train, f'up_{i}_norm')
      if i < self.dropout_blocks:
        x = Dropout(self.dropout)(x, train and self.has_rng('dropout'))
      x = jnp.concatenate([skips.pop(), x], axis=-1)
    x = self._double(x, self.channels, 'head', True)
    return jnp.tanh(x.astype(jnp.float32))

  def _encode(self, x: jax.Array, train: bool) -> list[jax.Array]:
    """Return the outputs of every halving, before their activation."""
    outputs = []
    for i, features in enumerate(self._widths()):
      x = conv.Conv(
        features,
        kernel_size=4,
        stride=2,
        padding=1,
        use_bias=self.norm != 'batch',
        dtype=self.dtype,
        name=f'down_{i}',
      )(nn.leaky_relu(x, 0.2) if i else x)
      if 0 < i < self.levels - 1:
        x = self._norm(x, train, f'down_{i}_norm')
      outputs.append(x)
    return outputs

  def _double(
    self, x: jax.Array, features: int, name: str, use_bias: bool
  ) -> jax.Array:
    """Activate, then double height and width."""
    fields = {'use_bias': use_bias, 'dtype': self.dtype, 'name': name}
    x = nn.relu(x)
    if self.upsample == 'transpose':
      return conv.ConvTranspose(features, **fields)(x)
    return doubling.double(x, features, self.upsample, **fields)

  def _norm(self, x: jax.Array, train: bool, name: str) -> jax.Array:
    return norm.apply_norm(self.norm, x, train, dtype=self.dtype, name=name)
