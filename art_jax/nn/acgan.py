"""The ACGAN pair: a discriminator with two heads, real/fake and class.

Odena, Olah, Shlens 2017, "Conditional Image Synthesis with Auxiliary Classifier
GANs", arXiv:1610.09585, in the sizes of an art project's notebook: a dense
layer and 4x4 transposed convolutions against 5x5 strided convolutions.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import cdcgan, ladder, require


class ACGANGenerator(nn.Module):
  """Map latents and one-hot labels to pictures.

  Latent and label are joined and pass a dense layer, whose output becomes 4x4
  features; then every layer doubles the side and halves the channels, norm and
  activation after each but the last, which has a tanh. 2,844,608 parameters at
  64 px with K = 10 classes; 512 more for another class.

  Attributes:
    size: side of the pictures in pixels, one of `ladder.SIZES`.
    channels: of the pictures: 3 or 1.
    width: channels before the last layer; they double towards the latent.
    latent_size: numbers in a latent.
    activation: 'relu' (the notebook) or 'leaky_relu' (its report, slope 0.2).
    norm: 'batch', 'instance', 'instance_affine', 'layer' or 'none', the only
      one with biases in the transposed convolutions.
    dtype: dtype of the layers; parameters and pictures are float32.
  """

  size: int = 64
  channels: int = 3
  width: int = 32
  latent_size: int = 100
  activation: str = 'relu'
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
    sides = ladder.sides(self.size)
    plan = ladder.widths(self.width, len(sides) - 1, None)[::-1]
    x = dense(2 * plan[0], self.dtype, 'dense')(jnp.concatenate([z, y], 1))
    return ladder.decode(self, x[:, None, None], sides, plan, train)


class ACGANDiscriminator(nn.Module):
  """Map pictures to a real/fake logit and K class logits each.

  5x5 convolutions halve the side and double the channels, down to 2x2 features
  (3x3 at 150 px) that both heads read. Leaky ReLU of slope 0.2, norm on every
  layer, the first too. 1,101,467 parameters at 64 px with K = 10 classes; 1,025
  more for another class.

  Attributes:
    num_classes: K, number of classes.
    width: channels after the first layer.
    norm: 'batch', 'instance', 'instance_affine', 'layer' or 'none', the only
      one with biases in the convolutions.
    dropout: probability of zeroing an activation after each layer; 0.5 in the
      paper, 0 in the notebook.
    minibatch_std: pictures that `ladder.minibatch_std` compares; 0: none.
    dtype: dtype of the layers; parameters and logits are float32.
  """

  num_classes: int = 10
  width: int = 16
  norm: str = 'batch'
  dropout: float = 0.0
  minibatch_std: int = 0
  dtype: str = 'float32'

  @property
  def per_picture(self) -> bool:
    """Whether training treats the pictures of a batch alone."""
    return self.norm != 'batch' and not (self.dropout or self.minibatch_std)

  @nn.compact
  def __call__(
    self, x: jax.Array, train: bool = False
  ) -> tuple[jax.Array, jax.Array]:
    """Judge pictures.

    Args:
      x: [B, H, H, C] in [-1, 1], H one of `ladder.SIZES`.
      train: batch norm uses the statistics of the batch, and dropout acts.

    Returns:
      f32[B], larger means more real, and f32[B, K], logits of the classes.

    Raises:
      ValueError: on a field or an image size that is not allowed.
    """
    require.rate('dropout', self.dropout)
    count = len(ladder.sides(ladder.square(x.shape)))
    x = ladder.encode(
      self,
      x,
      ladder.widths(self.width, count, None),
      train,
      first_norm=0,
      dropout=self.dropout,
      kernel_size=5,
      padding=2,
      use_bias=self.norm == 'none',
    )
    return two_heads(
      ladder.minibatch_std(x, self.minibatch_std), self.num_classes, self.dtype
    )


def dense(
  features: int, dtype: str, name: str, use_bias: bool = True
) -> nn.Dense:
  """Return a dense layer that starts as N(0, 0.02^2), as the convolutions."""
  return nn.Dense(
    features,
    use_bias=use_bias,
    kernel_init=nn.initializers.normal(0.02),
    dtype=dtype,
    name=name,
  )


def two_heads(
  x: jax.Array, num_classes: int, dtype: str
) -> tuple[jax.Array, jax.Array]:
  """Return f32[B] and f32[B, K] of features, inside a compact linen module.

  Raises:
    ValueError: if there is no class.
  """
  require.holds(num_classes >= 1, f'num_classes = {num_classes}: must be >= 1')
  x = x.reshape(x.shape[0], -1)
  source = dense(1, dtype, 'source')(x)
  classes = dense(num_classes, dtype, 'classes')(x)
  return source.astype(jnp.float32)[:, 0], classes.astype(jnp.float32)
