"""What a network takes from the whole of a picture that it sees in parts.

A layer sees the neighborhood of a pixel, but for the statistics of an instance
norm and the draws of dropout. While a network is traced `pure.in_parts`, it
asks for these by primitives without a value, which mark in its jaxpr where it
can be cut into stages; `art_jax.inference.stages` does that.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jax.core import ShapedArray
from jax.extend import core

MOMENTS = core.Primitive('whole_picture_moments')
MOMENTS.multiple_results = True
KEEP = core.Primitive('whole_picture_keep')


@MOMENTS.def_abstract_eval
def _moments_shape(x):
  shape = ShapedArray((x.shape[0], x.shape[-1]), jnp.dtype('float32'))
  return [shape, shape]


@KEEP.def_abstract_eval
def _keep_shape(x, key, *, dropped):
  return ShapedArray(x.shape, jnp.dtype('bool'))


def moments(x: jax.Array) -> tuple[jax.Array, jax.Array]:
  """Return mean and biased variance, f32[B, C], of all of f32[B, ..., C]."""
  mean, var = MOMENTS.bind(x)
  return mean, var


def keep(x: jax.Array, key: jax.Array, dropped: int) -> jax.Array:
  """Return which values of x dropout keeps, see `nn.dropout.keep`."""
  return KEEP.bind(x, key, dropped=dropped)


def normalize(
  x: jax.Array,
  scale: jax.Array,
  bias: jax.Array,
  eps: float,
  share: Callable[[jax.Array], jax.Array],
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Return what `nn.normalize.normalize` does.

  Args:
    x: f32[B, ..., C].
    scale: f32[B or 1, C].
    bias: the same.
    eps: added to the variance.
    share: averages f32[B, C] over what is normalized together.
  """
  wide = functools.partial(jnp.expand_dims, axis=tuple(range(1, x.ndim - 1)))
  means, variances = moments(x)
  mean = share(means)
  var = share(variances + jnp.square(means - mean))
  y = (x - wide(mean)) * wide(lax.rsqrt(var + eps) * scale) + wide(bias)
  return y, mean, var
