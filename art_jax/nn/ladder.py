"""Layers that double or halve the side of features: what GANs' networks share.

The networks of `dcgan`, `cdcgan`, `acgan` and `gangogh` are made of these.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import conv, norm, require

SIZES = (32, 64, 128, 150, 256)
ACTIVATIONS = ('relu', 'leaky_relu')
UPSAMPLES = ('transpose', 'resize')


def sides(size: int) -> tuple[int, ...]:
  """Return the sides of the feature maps: 64 -> (4, 8, 16, 32, 64).

  Each is half of the next, rounded down, so 150 is (4, 9, 18, 37, 75, 150).

  Raises:
    ValueError: if the size is not one of `SIZES`, which it lists.
  """
  require.holds(
    size in SIZES,
    f'size = {size}: DCGAN networks are built for '
    f'{", ".join(map(str, SIZES))} pixels',
  )
  halvings = size.bit_length() - 3  # until the side is 4
  return tuple(size >> i for i in range(halvings, -1, -1))


def widths(width: int, count: int, max_width: int | None) -> list[int]:
  """Return `count` channel counts that double from `width` to `max_width`."""
  require.holds(width >= 1, f'width = {width}: must be >= 1')
  require.holds(
    max_width is None or max_width >= width,
    f'max_width = {max_width}: must be >= width = {width}',
  )
  limit = max_width or width * 2**count
  return [min(width * 2**i, limit) for i in range(count)]


def activate(x: jax.Array, activation: str) -> jax.Array:
  """Apply ReLU, or leaky ReLU of slope 0.2.

  Raises:
    ValueError: for another name.
  """
  require.one_of('activation', activation, ACTIVATIONS)
  return nn.relu(x) if activation == 'relu' else nn.leaky_relu(x, 0.2)


def square(shape: tuple[int, ...]) -> int:
  """Return the side of square pictures [B, H, H, C], or raise ValueError."""
  require.holds(
    len(shape) == 4 and shape[1] == shape[2],
    f'images of shape {shape}: expected [B, H, H, C], square',
  )
  return shape[1]


def decode(
  module: Any,
  x: jax.Array,
  maps: Sequence[int],
  plan: Sequence[int],
  train: bool,
  upsample: str = 'transpose',
  *,
  first: int = 0,
  use_bias: bool = False,
) -> jax.Array:
  """Grow features into a picture, inside a compact generator.

  Norm and activation after each layer but the last, which has a tanh. The
  parameter tree: deconv_0 (or resize_1, ...), norm_0, deconv_1, ...

  Args:
    module: the generator; gives channels, norm, activation and dtype.
    x: [B, 1, 1, C], or [B, 4, 4, C] with first = 1.
    maps: sides of the feature maps, of `sides`.
    plan: channels of all layers but the last, also of those before `first`.
    train: batch norm uses the statistics of the batch.
    upsample: of `UPSAMPLES`, from the second layer on.
    first: number of the first layer.
    use_bias: the convolutions have biases though there is a norm.

  Returns:
    f32[B, H, H, channels] in [-1, 1].
  """
  fields = {
    'use_bias': use_bias or module.norm == 'none',
    'dtype': module.dtype,
  }
  for i, features in enumerate([*plan[first:], module.channels], first):
    if i and upsample == 'resize':
      layer = conv.ResizeConv(
        features, padding='zeros', name=f'resize_{i}', **fields
      )
    else:
      layer = conv.ConvTranspose(
        features,
        stride=2 if i else 1,
        padding=1 if i else 0,
        output_padding=maps[i] % 2,
        name=f'deconv_{i}',
        **fields,
      )
    x = layer(x)
    if i < len(plan):
      x = activate(
        norm.apply_norm(
          module.norm, x, train, dtype=module.dtype, name=f'norm_{i}'
        ),
        module.activation,
      )
  return jnp.tanh(x.astype(jnp.float32))


def encode(
  module: Any,
  x: jax.Array,
  plan: Sequence[int],
  train: bool,
  *,
  first: int = 0,
  first_norm: int = 1,
  dropout: float = 0.0,
  **fields: Any,
) -> jax.Array:
  """Halve the side of features layer by layer, inside a compact discriminator.

  A strided convolution, norm, leaky ReLU of slope 0.2 and dropout each. The
  parameter tree: conv_0, conv_1, norm_1, ...

  Args:
    module: the discriminator; gives norm and dtype.
    x: [B, H, W, C].
    plan: channels of the layers.
    train: batch norm uses the statistics of the batch, and dropout acts.
    first: number of the first layer.
    first_norm: number of the first layer that has a norm.
    dropout: probability of zeroing an activation.
    **fields: of the convolutions.
  """
  for i, features in enumerate(plan, first):
    x = conv.Conv(
      features, stride=2, dtype=module.dtype, name=f'conv_{i}', **fields
    )(x)
    if i >= first_norm:
      x = norm.apply_norm(
        module.norm, x, train, dtype=module.dtype, name=f'norm_{i}'
      )
    x = nn.leaky_relu(x, 0.2)
    if dropout:
      from art_jax.nn.dropout import Dropout  # here: few discriminators drop

      x = Dropout(dropout)(x, train)
  return x


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
  require.holds(group >= 0, f'minibatch_std = {group}: must be >= 0')
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
