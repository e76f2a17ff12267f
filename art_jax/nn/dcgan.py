"""The DCGAN generator and discriminator, for 32 to 256 px and 150 px.

Radford, Metz, Chintala 2016, "Unsupervised Representation Learning with Deep
Convolutional Generative Adversarial Networks", arXiv:1511.06434, in the form
of the PyTorch DCGAN tutorial: 4x4 kernels, no dense layer, no biases.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import conv, ladder, require


class DCGANGenerator(nn.Module):
  """Map latents to pictures by transposed convolutions.

  The latent becomes 4x4 features, then every layer doubles the side and halves
  the channels: norm and activation after each but the last, which has a tanh.
  3,576,704 parameters at 64 px, 12,786,560 at 128 and at 150, 1,068,928 at 32.
  The parameter tree: deconv_0, norm_0, deconv_1, ...

  Attributes:
    size: side of the pictures in pixels, one of `ladder.SIZES`.
    channels: of the pictures: 3 or 1.
    width: channels before the last layer; they double towards the latent.
    max_width: where the doubling stops (512 in later practice); None: never.
    latent_size: numbers in a latent; 100 in the paper.
    activation: 'relu' (the paper) or 'leaky_relu' (slope 0.2).
    norm: 'batch' (the paper), 'instance', 'instance_affine', 'layer' or
      'none', the only one with biases.
    upsample: 'transpose' (4x4 convolutions; the paper) or 'resize' (repeat each
      pixel, then convolve 3x3), which leaves no checkerboard (Odena et al.
      2016); not for 150 px.
    dtype: dtype of the layers; parameters and pictures are float32.
  """

  size: int = 64
  channels: int = 3
  width: int = 64
  max_width: int | None = None
  latent_size: int = 100
  activation: str = 'relu'
  norm: str = 'batch'
  upsample: str = 'transpose'
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, z: jax.Array, train: bool = False) -> jax.Array:
    """Draw one picture per latent.

    Args:
      z: f32[B, latent_size] from N(0, 1).
      train: batch norm uses the statistics of the batch.

    Returns:
      f32[B, size, size, channels] in [-1, 1].

    Raises:
      ValueError: on a field or a latent that is not allowed.
    """
    require.holds(
      z.ndim == 2 and z.shape[1] == self.latent_size,
      f'latents of shape {z.shape}: expected [B, {self.latent_size}]',
    )
    sides = ladder.sides(self.size)
    require.one_of('upsample', self.upsample, ladder.UPSAMPLES)
    require.holds(
      self.upsample != 'resize' or not any(side % 2 for side in sides),
      f"upsample = 'resize' doubles sides, {self.size} px need "
      f'{", ".join(map(str, sides))}: take transpose',
    )
    plan = ladder.widths(self.width, len(sides) - 1, self.max_width)[::-1]
    return ladder.decode(
      self, z[:, None, None], sides, plan, train, self.upsample
    )


class DCGANDiscriminator(nn.Module):
  """Map pictures to one logit each by strided convolutions.

  Every layer halves the side (rounded down) and doubles the channels; the head
  covers the last 4x4 features. Leaky ReLU of slope 0.2; no norm after the
  first layer; no sigmoid: the losses take logits, a Wasserstein critic is the
  same network. 2,765,568 parameters at 64 px, 11,164,416 at 128 and 150,
  663,296 at 32. The parameter tree: conv_0, conv_1, norm_1, ..., head.

  Attributes:
    width: channels after the first layer.
    max_width: where the doubling stops; None: never.
    norm: 'batch' (the paper), 'instance', 'instance_affine', 'layer' or
      'none'; only 'none' has biases. A gradient penalty needs one that does
      not mix the pictures of a batch.
    dropout: probability of zeroing an activation after each layer but the
      head; 0: none (the paper).
    spectral_norm: divide every kernel by its largest singular value (Miyato et
      al. 2018, arXiv:1802.05957, who leave norms out: norm='none').
    minibatch_std: pictures that `ladder.minibatch_std` compares before the
      head; 0: none; it adds 16 parameters.
    dtype: dtype of the layers; parameters and logits are float32.
  """

  width: int = 64
  max_width: int | None = None
  norm: str = 'batch'
  dropout: float = 0.0
  spectral_norm: bool = False
  minibatch_std: int = 0
  dtype: str = 'float32'

  @property
  def per_picture(self) -> bool:
    """Whether training treats the pictures of a batch alone."""
    return self.norm != 'batch' and not (
      self.dropout or self.spectral_norm or self.minibatch_std
    )

  @nn.compact
  def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
    """Judge pictures.

    Args:
      x: [B, H, H, C] in [-1, 1], H one of `ladder.SIZES`.
      train: batch norm uses the statistics of the batch, and dropout acts.

    Returns:
      f32[B], larger means more real.

    Raises:
      ValueError: on a field or an image size that is not allowed.
    """
    require.rate('dropout', self.dropout)
    plan = ladder.widths(
      self.width, len(ladder.sides(ladder.square(x.shape))) - 1, self.max_width
    )
    fields = {
      'use_bias': self.norm == 'none',
      'spectral_norm': self.spectral_norm,
      'kernel_size': 4,
    }
    x = ladder.encode(
      self, x, plan, train, dropout=self.dropout, padding=1, **fields
    )
    x = ladder.minibatch_std(x, self.minibatch_std)
    return (
      conv.Conv(1, padding='VALID', dtype=self.dtype, name='head', **fields)(x)
      .astype(jnp.float32)
      .reshape(-1)
    )
