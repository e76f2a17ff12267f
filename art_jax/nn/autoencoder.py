"""Encoders and decoders of autoencoders: convolutional, or of dense layers.

An encoder is a trunk (pictures to features) under a `DenseHead`; a decoder maps
latents to pictures before the last activation, which belongs to the likelihood.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import conv, norm, require
from art_jax.nn.dropout import Dropout


def _require_latents(z: jax.Array) -> None:
  require.holds(z.ndim == 2, f'latents have shape {z.shape}: expected [B, Z]')


def _stages(size: int) -> int:
  """Return how many halvings lead from `size` to 4 pixels.

  Raises:
    ValueError: unless `size` is a power of two from 8 to 1024.
  """
  stages = size.bit_length() - 3
  require.holds(
    size in range(8, 1025) and size == 4 * 2**stages,
    f'size = {size}: the convolutional networks take 8, 16, 32, 64, 128, '
    '256, 512 or 1024 pixels',
  )
  return stages


class ConvTrunk(nn.Module):
  """The discriminator of DCGAN without its last layer: pictures to features.

  Convolutions 4x4 of stride 2 down to 4x4 pixels, leaky ReLU of slope 0.2, a
  norm after all but the first. 2,757,376 parameters at 64 px.

  The parameter tree: conv_0, conv_1, norm_1, conv_2, ...

  Reference: Radford et al. 2016, arXiv:1511.06434, section 3.

  Attributes:
    width: channels after the first convolution; doubles at every other.
    norm: 'batch', 'instance', 'instance_affine', 'layer' or 'none'.
    dtype: dtype of the layers; parameters are float32.
  """

  width: int = 64
  norm: str = 'batch'
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
    """Map [B, S, S, C] in [-1, 1] to [B, 4 * S * width].

    Raises:
      ValueError: if S is not a power of two, or on a field out of range.
    """
    require.at_least(self, width=1)
    require.images(x.shape)
    require.holds(
      x.shape[1] == x.shape[2],
      f'pictures of shape {x.shape}: they must be square',
    )
    for i in range(_stages(x.shape[1])):
      x = conv.Conv(
        self.width * 2**i,
        kernel_size=4,
        stride=2,
        padding=1,
        use_bias=self.norm != 'batch',
        dtype=self.dtype,
        name=f'conv_{i}',
      )(x)
      x = norm.apply_norm(
        self.norm if i else 'none', x, train, dtype=self.dtype, name=f'norm_{i}'
      )
      x = nn.leaky_relu(x, 0.2)
    return x.reshape(x.shape[0], -1)


class ConvDecoder(nn.Module):
  """The generator of DCGAN without its last tanh: latents to pictures.

  Transposed convolutions 4x4: one from 1x1 to 4x4 pixels, then doublings; norm
  and ReLU after all but the last. 3,806,080 parameters at 64 px with 128
  latents.

  The parameter tree: project, project_norm, up_0, up_0_norm, ..., head.

  Reference: Radford et al. 2016, arXiv:1511.06434, section 3.

  Attributes:
    size: side of the pictures, a power of two.
    width: channels before the last layer; they double towards the latents.
    channels: channels of the pictures.
    norm: 'batch', 'instance', 'instance_affine', 'layer' or 'none'.
    dtype: dtype of the layers; parameters and results are float32.
  """

  size: int = 64
  width: int = 64
  channels: int = 3
  norm: str = 'batch'
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, z: jax.Array, train: bool = False) -> jax.Array:
    """Map [B, Z] to f32[B, size, size, channels], unbounded.

    Raises:
      ValueError: on a field out of range, or latents of another rank.
    """
    require.at_least(self, width=1, channels=1)
    _require_latents(z)
    stages = _stages(self.size)
    kwargs = {'use_bias': self.norm != 'batch', 'dtype': self.dtype}

    def norm_relu(x, name):
      return nn.relu(
        norm.apply_norm(self.norm, x, train, dtype=self.dtype, name=name)
      )

    x = conv.ConvTranspose(
      self.width * 2 ** (stages - 1),
      stride=1,
      padding=0,
      name='project',
      **kwargs,
    )(z[:, None, None, :])
    x = norm_relu(x, 'project_norm')
    for i in range(stages - 1):
      x = conv.ConvTranspose(
        self.width * 2 ** (stages - 2 - i), name=f'up_{i}', **kwargs
      )(x)
      x = norm_relu(x, f'up_{i}_norm')
    return conv.ConvTranspose(self.channels, name='head', **kwargs)(x).astype(
      jnp.float32
    )


class MLPTrunk(nn.Module):
  """One hidden layer: pictures to features, relu(W x + b), x in [0, 1].

  A black background is 0 and adds nothing, as in the published networks; fed as
  -1 it costs MNIST's VAE 1.2 nats after 10 epochs.

  Reference: Kingma & Welling 2014, arXiv:1312.6114, appendix C.

  Attributes:
    width: hidden units (500 in the paper and in Flax's example).
    dtype: dtype of the layer; parameters are float32.
  """

  width: int = 500
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
    """Map [B, H, W, C] in [-1, 1] to [B, width]."""
    require.at_least(self, width=1)
    require.images(x.shape)
    x = 0.5 * (x.reshape(x.shape[0], -1) + 1)
    return nn.relu(nn.Dense(self.width, dtype=self.dtype, name='hidden')(x))


class MLPDecoder(nn.Module):
  """One hidden layer: latents to pictures before the last activation.

  Reference: Kingma & Welling 2014, arXiv:1312.6114, appendix C.

  Attributes:
    size: side of the pictures.
    width: hidden units.
    channels: channels of the pictures.
    dtype: dtype of the layers; parameters and results are float32.
  """

  size: int = 28
  width: int = 500
  channels: int = 1
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, z: jax.Array, train: bool = False) -> jax.Array:
    """Map [B, Z] to f32[B, size, size, channels], unbounded."""
    require.at_least(self, size=1, width=1, channels=1)
    _require_latents(z)
    x = nn.Dense(self.size**2 * self.channels, dtype=self.dtype, name='pixels')(
      nn.relu(nn.Dense(self.width, dtype=self.dtype, name='hidden')(z))
    )
    return x.reshape(-1, self.size, self.size, self.channels).astype(
      jnp.float32
    )


class DenseHead(nn.Module):
  """A trunk, dropout, and one dense layer.

  Attributes:
    trunk: [B, H, W, C] -> [B, F].
    features: outputs, e.g. one per latent.
    dropout: rate on the trunk's features in training.
    dtype: dtype of the layer; parameters and results are float32.
  """

  trunk: nn.Module
  features: int
  dropout: float = 0.0
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
    """Map [B, H, W, C] in [-1, 1] to f32[B, features], unbounded."""
    x = Dropout(self.dropout)(self.trunk(x, train), train)
    return nn.Dense(self.features, dtype=self.dtype, name='head')(x).astype(
      jnp.float32
    )
