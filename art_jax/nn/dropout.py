"""Dropout that draws one byte for each value."""

import math

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from art_jax.nn import pure, require


def keep(key: jax.Array, shape: tuple[int, ...], dropped: int) -> jax.Array:
  """Draw bool[shape], True with probability 1 - dropped / 256.

  One number of 32 bits serves four values: drawing is most of what dropout
  costs on CPU (2 million values: 30 ms of one core with a number each).
  """
  rows, rest = shape[0], math.prod(shape[1:])
  words = jax.random.bits(key, (rows, -(-rest // 4)), 'uint32')
  draws = lax.bitcast_convert_type(words, jnp.uint8).reshape(rows, -1)
  return draws[:, :rest].reshape(shape) >= dropped


class Dropout(nn.Module):
  """Zero values at random and enlarge the others, so that the mean stays.

  Needs an rng 'dropout'.

  Reference: Srivastava et al. 2014, JMLR 15.

  Attributes:
    rate: probability of zeroing a value, in [0, 1), taken to the nearest of 256
      steps.
  """

  rate: float

  @nn.compact
  def __call__(self, x: jax.Array, train: bool = True) -> jax.Array:
    """Map [B, ...] to the same shape; without `train`, to itself.

    Raises:
      ValueError: if the rate is outside its range.
    """
    require.rate('dropout', self.rate)
    dropped = min(round(256 * self.rate), 255)
    if not train or not dropped:
      return x
    key = self.make_rng('dropout')
    if pure.is_in_parts():
      from art_jax.nn import whole  # here: of large pictures alone

      kept = whole.keep(x, key, dropped)
    else:
      kept = keep(key, x.shape, dropped)
    return jnp.where(kept, x * (256 / (256 - dropped)), 0).astype(x.dtype)
