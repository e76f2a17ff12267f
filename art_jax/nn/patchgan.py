"""The PatchGAN discriminator: one logit per overlapping patch."""

import math

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import blur, conv, norm, require


class PatchGAN(nn.Module):
  """Score every patch of an image as real or fake.

  `layers` sets the patch: 0 -> 1 pixel (PixelGAN, 1x1 convolutions), 1 -> 16,
  2 -> 34, 3 -> 70 (the paper), 4 -> 142 pixels. Leaky ReLU of slope 0.2;
  no norm after the first convolution; convolutions before a batch norm have no
  bias. 2,764,737 parameters by default. The parameter tree: conv_0, conv_1,
  norm_1, ..., head.

  Reference: Isola et al. 2017, arXiv:1611.07004, section 3.2.2 and appendix
  6.1.2.

  Attributes:
    width: channels after the first convolution; doubles up to 8 * width.
    layers: convolutions of stride 2; 0 means PixelGAN.
    norm: 'instance' (CycleGAN), 'instance_affine', 'batch' (pix2pix) or 'none',
      which alone lets it see how bright and colorful a whole picture is.
    downsample: 'stride' (the paper: convolutions of stride 2) or 'blur' (of
      stride 1, then a blur, every second pixel: CUT).
    detail: gain at which the network gets, beside the picture, what a blur
      takes away of it (`blur.detail`), so that it sees texture early, which is
      weak beside colors and outlines; 0 (the paper): the picture alone.
    dtype: dtype of the layers; parameters and logits are float32.
  """

  width: int = 64
  layers: int = 3
  norm: str = 'instance'
  downsample: str = 'stride'
  detail: float = 0.0
  dtype: str = 'float32'

  @property
  def per_picture(self) -> bool:
    """Whether training treats the pictures of a batch alone."""
    return self.norm != 'batch'

  def _check(self, shape: tuple[int, ...]) -> None:
    require.at_least(self, width=1)
    require.holds(
      0 <= self.layers <= 6, f'layers = {self.layers}: must be in [0, 6]'
    )
    require.one_of('norm', self.norm, norm.NORMS)
    require.one_of('downsample', self.downsample, ('stride', 'blur'))
    require.holds(
      0 <= self.detail < math.inf, f'detail = {self.detail}: must be >= 0'
    )
    require.images(shape)
    least = 3 * 2**self.layers if self.layers else 1
    require.holds(
      min(shape[1:3]) >= least,
      f'image {shape[1]}x{shape[2]}: layers = {self.layers} needs at least '
      f'{least}x{least} pixels',
    )

  def _plan(self) -> list[tuple[int, int, int]]:
    """Return (features, kernel size, stride) of all convolutions but `head`."""
    if self.layers == 0:
      return [(self.width, 1, 1), (2 * self.width, 1, 1)]
    widths = [self.width * min(2**i, 8) for i in range(self.layers + 1)]
    strides = [2] * self.layers + [1]
    return [(w, 4, s) for w, s in zip(widths, strides, strict=True)]

  @nn.compact
  def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
    """Return one logit per patch.

    Args:
      x: [B, H, W, C] in [-1, 1]; for a conditional discriminator the pair,
        concatenated along channels.
      train: batch norm uses the statistics of the batch.

    Returns:
      f32[B, h, w, 1], h = H / 2^layers - 2 (H for PixelGAN).

    Raises:
      ValueError: on a field or an image size that is not allowed.
    """
    self._check(x.shape)
    if self.detail:
      x = jnp.concatenate([x, self.detail * blur.detail(x)], axis=-1)
    blurred = self.downsample == 'blur'
    for i, (features, kernel, stride) in enumerate(self._plan()):
      x = conv.Conv(
        features,
        kernel_size=kernel,
        stride=1 if blurred else stride,
        padding=kernel // 4,
        use_bias=i == 0 or self.norm != 'batch',
        centered=i > 0 and self.norm in norm.CENTERING,
        dtype=self.dtype,
        name=f'conv_{i}',
      )(x)
      x = norm.apply_norm(
        self.norm if i else 'none', x, train, dtype=self.dtype, name=f'norm_{i}'
      )
      x = nn.leaky_relu(x, 0.2)
      x = blur.halve(x) if blurred and stride == 2 else x
    pixel = self.layers == 0
    return conv.Conv(
      1,
      kernel_size=1 if pixel else 4,
      padding=0 if pixel else 1,
      # The authors' PixelGAN drops the last bias too where the norm is batch.
      use_bias=not (pixel and self.norm == 'batch'),
      dtype=self.dtype,
      name='head',
    )(x).astype(jnp.float32)
