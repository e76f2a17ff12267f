"""The DCGAN generator and discriminator, for 32 to 256 px and 150 px.

Radford, Metz, Chintala 2016, "Unsupervised Representation Learning with Deep
Convolutional Generative Adversarial Networks", arXiv:1511.06434, in the form
of the PyTorch DCGAN tutorial: 4x4 kernels, no dense layer, no biases.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import conv
from art_jax.nn import norm as norms
from art_jax.nn.dropout import Dropout

SIZES = (32, 64, 128, 150, 256)
ACTIVATIONS = ('relu', 'leaky_relu')
UPSAMPLES = ('transpose', 'resize')


def ladder(size: int) -> tuple[int, ...]:
  """Return the sides of the feature maps: 64 -> (4, 8, 16, 32, 64).

  Each is half of the next, rounded down, so 150 is (4, 9, 18, 37, 75, 150).

  Raises:
    ValueError: if the size is not one of `SIZES`, which it lists.
  """
  if size not in SIZES:
    raise ValueError(
      f'size = {size}: DCGAN networks are built for '
      f'{", ".join(map(str, SIZES))} pixels'
    )
  sides = [size]
  while sides[-1] > 4:
    sides.append(sides[-1] // 2)
  return tuple(reversed(sides))


def widths(width: int, count: int, max_width: int | None) -> list[int]:
  """Return `count` channel counts that double from `width` to `max_width`."""
  if width < 1:
    raise ValueError(f'width = {width}: must be >= 1')
  if max_width is not None and max_width < width:
    raise ValueError(f'max_width = {max_width}: must be >= width = {width}')
  limit = max_width or width * 2**count
  return [min(width * 2**i, limit) for i in range(count)]


def activate(x: jax.Array, activation: str) -> jax.Array:
  """Apply ReLU, or leaky ReLU of slope 0.2.

  Raises:
    ValueError: for another name.
  """
  if activation not in ACTIVATIONS:
    raise ValueError(
      f'activation = {activation!r}: must be one of {", ".join(ACTIVATIONS)}'
    )
  return nn.relu(x) if activation == 'relu' else nn.leaky_relu(x, 0.2)


def square(shape: tuple[int, ...]) -> int:
  """Return the side of square pictures [B, H, H, C], or raise ValueError."""
  if len(shape) != 4 or shape[1] != shape[2]:
    raise ValueError(f'images of shape {shape}: expected [B, H, H, C], square')
  return shape[1]


def check_dropout(dropout: float) -> None:
  """Raise ValueError unless a probability of dropping is in [0, 1)."""
  if not 0 <= dropout < 1:
    raise ValueError(f'dropout = {dropout}: must be in [0, 1)')


def minibatch_std(x: jax.Array, group: int) -> jax.Array:
  """Append a channel that tells how much the pictures of a batch differ.

  Its one value per group of pictures is the mean, over all positions and
  channels, of the standard deviation over the group. A generator that makes
  the same picture again and again is seen through.

  Args:
    x: [B, H, W, C].
    group: pictures in a group, at most: the largest divisor of B up to it is
      taken; 4 in the paper. 0 leaves x as it is.

  Returns:
    [B, H, W, C + 1].

  Raises:
    ValueError: if group is negative.

  Reference: Karras et al. 2018, arXiv:1710.10196, section 3.
  """
  if group < 0:
    raise ValueError(f'minibatch_std = {group}: must be >= 0')
  if not group:
    return x
  rows = x.shape[0]
  group = max(n for n in range(1, min(group, rows) + 1) if rows % n == 0)
  members = x.astype(jnp.float32).reshape(group, -1, *x.shape[1:])
  # The root has no finite derivative at 0, where equal pictures are.
  std = jnp.sqrt(jnp.var(members, axis=0) + 1e-8)
  value = jnp.tile(jnp.mean(std, axis=(1, 2, 3)), group)
  plane = jnp.broadcast_to(value[:, None, None, None], (*x.shape[:3], 1))
  return jnp.concatenate([x, plane.astype(x.dtype)], axis=3)


class DCGANGenerator(nn.Module):
  """Map latents to pictures by transposed convolutions.

  The latent becomes 4x4 features, then every layer doubles the side and halves
  the channels: norm and activation after each but the last, which has a tanh.
  3,576,704 parameters at 64 px, 12,786,560 at 128 and at 150, 1,068,928 at 32.
  The parameter tree: deconv_0, norm_0, deconv_1, ...

  Attributes:
    size: side of the pictures in pixels, one of `SIZES`.
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
    if z.ndim != 2 or z.shape[1] != self.latent_size:
      raise ValueError(
        f'latents of shape {z.shape}: expected [B, {self.latent_size}]'
      )
    sides = ladder(self.size)
    if self.upsample not in UPSAMPLES:
      raise ValueError(
        f'upsample = {self.upsample!r}: must be one of {", ".join(UPSAMPLES)}'
      )
    if self.upsample == 'resize' and any(side % 2 for side in sides):
      raise ValueError(
        f"upsample = 'resize' doubles sides, {self.size} px need "
        f'{", ".join(map(str, sides))}: take transpose'
      )
    plan = widths(self.width, len(sides) - 1, self.max_width)[::-1]
    x = z[:, None, None, :]
    fields = {'use_bias': self.norm == 'none', 'dtype': self.dtype}
    for i, features in enumerate([*plan, self.channels]):
      if i and self.upsample == 'resize':
        x = conv.ResizeConv(
          features, padding='zeros', name=f'resize_{i}', **fields
        )(x)
      else:
        x = conv.ConvTranspose(
          features,
          stride=2 if i else 1,
          padding=1 if i else 0,
          output_padding=sides[i] % 2,
          name=f'deconv_{i}',
          **fields,
        )(x)
      if i < len(plan):
        x = norms.apply_norm(
          self.norm, x, train, dtype=self.dtype, name=f'norm_{i}'
        )
        x = activate(x, self.activation)
    return jnp.tanh(x.astype(jnp.float32))


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
    minibatch_std: pictures that `minibatch_std` compares before the head; 0:
      none; it adds 16 parameters.
    dtype: dtype of the layers; parameters and logits are float32.
  """

  width: int = 64
  max_width: int | None = None
  norm: str = 'batch'
  dropout: float = 0.0
  spectral_norm: bool = False
  minibatch_std: int = 0
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
    """Judge pictures.

    Args:
      x: [B, H, H, C] in [-1, 1], H one of `SIZES`.
      train: batch norm uses the statistics of the batch, and dropout acts.

    Returns:
      f32[B], larger means more real.

    Raises:
      ValueError: on a field or an image size that is not allowed.
    """
    check_dropout(self.dropout)
    count = len(ladder(square(x.shape))) - 1
    for i, features in enumerate(widths(self.width, count, self.max_width)):
      x = conv.Conv(
        features,
        kernel_size=4,
        stride=2,
        padding=1,
        use_bias=self.norm == 'none',
        spectral_norm=self.spectral_norm,
        dtype=self.dtype,
        name=f'conv_{i}',
      )(x)
      if i > 0:
        x = norms.apply_norm(
          self.norm, x, train, dtype=self.dtype, name=f'norm_{i}'
        )
      x = nn.leaky_relu(x, 0.2)
      x = Dropout(self.dropout)(x, train)
    x = minibatch_std(x, self.minibatch_std)
    x = conv.Conv(
      1,
      kernel_size=4,
      padding='VALID',
      use_bias=self.norm == 'none',
      spectral_norm=self.spectral_norm,
      dtype=self.dtype,
      name='head',
    )(x)
    return x.astype(jnp.float32).reshape(-1)
