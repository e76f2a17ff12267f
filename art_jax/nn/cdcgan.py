"""The conditional DCGAN pair: labels enter as planes, as in the CelebA cDCGAN.

Mirza & Osindero 2014, "Conditional Generative Adversarial Nets",
arXiv:1411.1784, with convolutions: the label has a first layer of its own in
both networks and is joined to the features after it.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import conv, ladder, norm, require
from art_jax.nn.dropout import Dropout

CONDITIONINGS = ('planes', 'projection')


def check_inputs(z: jax.Array, latent_size: int, y: jax.Array) -> None:
  """Raise ValueError unless z is [B, latent_size] and y is [B, K]."""
  require.holds(
    z.ndim == 2 and z.shape[1] == latent_size,
    f'latents of shape {z.shape}: expected [B, {latent_size}]',
  )
  _require_labels(z.shape[0], y)


def _require_labels(rows: int, y: jax.Array) -> None:
  require.holds(
    y.ndim == 2 and y.shape[0] == rows,
    f'labels of shape {y.shape}: expected one-hot rows [{rows}, K]',
  )


class CDCGANGenerator(nn.Module):
  """Map latents and one-hot labels to pictures.

  Latent and label each become 4x4 features through a transposed convolution of
  their own; joined, they are doubled in side and halved in channels up to the
  picture, which has a tanh. Norm and activation after each layer but the last;
  biases everywhere, as published. With K classes at 64 px and width 64:
  3,168,067 + 4,096 K parameters, e.g. 3,184,451 for K = 4.

  Attributes:
    size: side of the pictures in pixels, one of `ladder.SIZES`.
    channels: of the pictures: 3 or 1.
    width: channels before the last layer: 64 in the art project's networks,
      128 in the network for CelebA.
    latent_size: numbers in a latent.
    activation: 'leaky_relu' (slope 0.2) or 'relu'.
    norm: 'batch', 'instance', 'instance_affine', 'layer' or 'none'.
    dtype: dtype of the layers; parameters and pictures are float32.
  """

  size: int = 64
  channels: int = 3
  width: int = 64
  latent_size: int = 100
  activation: str = 'leaky_relu'
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
    check_inputs(z, self.latent_size, y)
    sides = ladder.sides(self.size)
    plan = ladder.widths(self.width, len(sides) - 1, None)[::-1]

    def first(x, name):
      x = conv.ConvTranspose(
        max(plan[0] // 2, 1),
        stride=1,
        padding=0,
        dtype=self.dtype,
        name=f'deconv_{name}',
      )(x[:, None, None])
      return ladder.activate(
        norm.apply_norm(
          self.norm, x, train, dtype=self.dtype, name=f'norm_{name}'
        ),
        self.activation,
      )

    x = jnp.concatenate([first(z, 'z'), first(y, 'y')], axis=3)
    return ladder.decode(self, x, sides, plan, train, first=1, use_bias=True)


class CDCGANDiscriminator(nn.Module):
  """Map pictures and one-hot labels to one logit each.

  The label enters as planes of the size of the picture. Picture and planes
  each have a first convolution of half the width; joined, they are halved in
  side and doubled in channels down to 4x4 and a head. Leaky ReLU of slope 0.2,
  norm on the middle layers, biases everywhere, as published. With K classes at
  64 px and width 64: 2,764,993 + 512 K parameters.

  With conditioning='projection' the label enters after the last layer instead:
  with its features h, D(x, y) = head(h) + <V y, sum of h over positions>
  (Miyato & Koyama 2018, arXiv:1802.05637, eq. 3 and 4).

  Attributes:
    width: channels after the first layers together.
    norm: 'batch', 'instance', 'instance_affine', 'layer' or 'none'.
    dropout: probability of zeroing an activation after each layer; 0: none.
    conditioning: 'planes' (as published) or 'projection'.
    spectral_norm: divide every kernel by its largest singular value.
    minibatch_std: pictures that `ladder.minibatch_std` compares before the
      head; 0: none.
    dtype: dtype of the layers; parameters and logits are float32.
  """

  width: int = 64
  norm: str = 'batch'
  dropout: float = 0.0
  conditioning: str = 'planes'
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
  def __call__(
    self, x: jax.Array, y: jax.Array, train: bool = False
  ) -> jax.Array:
    """Judge pictures under their labels.

    Args:
      x: [B, H, H, C] in [-1, 1], H one of `ladder.SIZES`.
      y: f32[B, K], one-hot.
      train: batch norm uses the statistics of the batch, and dropout acts.

    Returns:
      f32[B], larger means more real.

    Raises:
      ValueError: on a field, an image size or a label that is not allowed.
    """
    require.rate('dropout', self.dropout)
    require.at_least(self, width=2)
    require.one_of('conditioning', self.conditioning, CONDITIONINGS)
    _require_labels(x.shape[0], y)
    plan = ladder.widths(
      self.width, len(ladder.sides(ladder.square(x.shape))) - 1, None
    )

    fields = {'kernel_size': 4, 'padding': 1}

    def first(x, features, name):
      x = self._conv(features, f'conv_{name}', stride=2, **fields)(x)
      return Dropout(self.dropout)(nn.leaky_relu(x, 0.2), train)

    if self.conditioning == 'planes':
      planes = jnp.broadcast_to(y[:, None, None, :], (*x.shape[:3], y.shape[1]))
      half = self.width // 2
      x = jnp.concatenate([first(x, half, 'x'), first(planes, half, 'y')], 3)
    else:
      x = first(x, self.width, 'x')
    x = ladder.encode(
      self,
      x,
      plan[1:],
      train,
      first=1,
      dropout=self.dropout,
      spectral_norm=self.spectral_norm,
      **fields,
    )
    logits = (
      self._conv(1, 'head', kernel_size=4, padding='VALID')(
        ladder.minibatch_std(x, self.minibatch_std)
      )
      .astype(jnp.float32)
      .reshape(-1)
    )
    if self.conditioning == 'projection':
      # A 1x1 convolution is V y: it shares initialization and spectral norm.
      embed = self._conv(x.shape[3], 'embed', kernel_size=1, use_bias=False)
      products = embed(y[:, None, None, :]) * x
      logits += jnp.sum(products.astype(jnp.float32), axis=(1, 2, 3))
    return logits

  def _conv(self, features: int, name: str, **fields) -> conv.Conv:
    return conv.Conv(
      features,
      spectral_norm=self.spectral_norm,
      dtype=self.dtype,
      name=name,
      **fields,
    )
