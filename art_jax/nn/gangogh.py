"""GANGogh's pair: gated, label-conditioned layers against layer norm.

Jones & Bonafilia 2017, "GANGogh: Creating Art with GANs": an ACGAN trained as a
WGAN-GP on 14 genres. Its gates are those of van den Oord et al. 2016,
"Conditional Image Generation with PixelCNN Decoders", arXiv:1606.05328, eq. 4.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import acgan, cdcgan, conv, ladder, norm, require

SIZES = (32, 64, 128)


def _scales(size: int) -> int:
  """Return how often 4x4 features are doubled in side: 64 -> 4."""
  require.holds(
    size in SIZES,
    f'size = {size}: GANGogh networks are built for '
    f'{", ".join(map(str, SIZES))} pixels',
  )
  return (size // 4).bit_length() - 1


class GANGoghGenerator(nn.Module):
  """Map latents and one-hot labels to pictures.

  At every scale the features are normalized and then gated by the label:

    x <- sigmoid(a + c) tanh(b + d)

  a and b are the halves of the features' channels, c and d those of a dense
  map of the label to features of the same shape. 14,624,067 parameters at 64 px
  with K = 14 classes.

  # Differs from the authors' code: a and b are halves instead of even and odd
  # channels, and the transposed convolutions are cut on the other side; both
  # are the same up to the order and mirroring of learned weights.

  Attributes:
    size: side of the pictures in pixels, one of `SIZES`.
    channels: of the pictures: 3 or 1.
    width: channels after the last gate; they double towards the latent.
    latent_size: numbers in a latent.
    norm: 'batch' (as published), 'instance', 'instance_affine', 'layer' or
      'none'.
    dtype: dtype of the layers; parameters and pictures are float32.
  """

  size: int = 64
  channels: int = 3
  width: int = 64
  latent_size: int = 128
  norm: str = 'batch'
  dtype: str = 'float32'

  @nn.compact
  def __call__(
    self, z: jax.Array, y: jax.Array, train: bool = False
  ) -> jax.Array:
    """Draw one picture per latent and label.

    Args:
      z: f32[B, latent_size] from N(0, 1).
      y: f32[B, K], one-hot.
      train: batch norm uses the statistics of the batch.

    Returns:
      f32[B, size, size, channels] in [-1, 1].

    Raises:
      ValueError: on a field, a latent or a label that is not allowed.
    """
    cdcgan.check_inputs(z, self.latent_size, y)
    plan = ladder.widths(self.width, _scales(self.size), None)[::-1]
    x = acgan.dense(2 * 16 * plan[0], self.dtype, 'input')(
      jnp.concatenate([z, y], axis=1)
    ).reshape(-1, 4, 4, 2 * plan[0])
    for i, features in enumerate(plan):
      if i > 0:
        x = self._up(2 * features, i)(x)
      x = norm.apply_norm(
        self.norm, x, train, dtype=self.dtype, name=f'norm_{i}'
      )
      # As published, only the first map of the label has no bias.
      label = acgan.dense(x[0].size, self.dtype, f'label_{i}', use_bias=i > 0)(
        y
      )
      a, b = jnp.split(x + label.reshape(x.shape), 2, axis=3)
      x = nn.sigmoid(a) * jnp.tanh(b)
    return jnp.tanh(self._up(self.channels, len(plan))(x).astype(jnp.float32))

  def _up(self, features: int, index: int) -> conv.ConvTranspose:
    return conv.ConvTranspose(
      features,
      kernel_size=5,
      padding=2,
      output_padding=1,
      dtype=self.dtype,
      name=f'deconv_{index}',
    )


class GANGoghDiscriminator(nn.Module):
  """Map pictures to a critic's value and K class logits each.

  5x5 convolutions halve the side and double the channels down to 4x4 features
  that both heads read. Leaky ReLU of slope 0.2, layer norm on all layers but
  the first, which keeps a gradient penalty one per picture. 4,431,247
  parameters at 64 px with K = 14 classes.

  Attributes:
    num_classes: K, number of classes.
    width: channels after the first layer.
    norm: 'layer' (as published), 'instance', 'instance_affine', 'batch' or
      'none'.
    dtype: dtype of the layers; parameters and logits are float32.
  """

  num_classes: int = 14
  width: int = 64
  norm: str = 'layer'
  dtype: str = 'float32'

  @property
  def per_picture(self) -> bool:
    """Whether training treats the pictures of a batch alone."""
    return self.norm != 'batch'

  @nn.compact
  def __call__(
    self, x: jax.Array, train: bool = False
  ) -> tuple[jax.Array, jax.Array]:
    """Judge pictures.

    Args:
      x: [B, H, H, C] in [-1, 1], H one of `SIZES`.
      train: batch norm, if there is any, uses the statistics of the batch.

    Returns:
      f32[B], larger means more real, and f32[B, K], logits of the classes.

    Raises:
      ValueError: on a field or an image size that is not allowed.
    """
    plan = ladder.widths(self.width, _scales(ladder.square(x.shape)), None)
    x = ladder.encode(self, x, plan, train, kernel_size=5)
    return acgan.two_heads(x, self.num_classes, self.dtype)
