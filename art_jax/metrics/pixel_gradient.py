"""A distance between pictures that needs no trained network.

Called `pixel_gradient` in every figure: it is a plain distance of colors and
edges, not LPIPS, and the two must not be compared.
"""

import jax
import jax.numpy as jnp

_SCALES = 3


def pixel_gradient(x: jax.Array, y: jax.Array) -> jax.Array:
  """Return the mean distance of colors and of color gradients.

  d(x, y) = 1/S sum_s (E|x_s - y_s| + E|dx x_s - dx y_s| + E|dy x_s - dy y_s|)

  over S = 3 scales, each half the one before (2x2 means), so that a shift of
  color, a lost edge and an edge at the wrong place all count.

  Args:
    x: f32[N, H, W, C] in [-1, 1], H and W multiples of 4.
    y: f32[N, H, W, C].

  Returns:
    f32[N].

  Raises:
    ValueError: if the shapes differ or do not halve twice.
  """
  if x.shape != y.shape or x.shape[1] % 4 or x.shape[2] % 4:
    raise ValueError(
      f'shapes {x.shape} and {y.shape}: they must be equal, with height and '
      'width multiples of 4'
    )
  difference, total = x - y, jnp.float32(0)
  for _ in range(_SCALES):
    total += _mean_abs(difference)
    total += _mean_abs(jnp.diff(difference, axis=1))
    total += _mean_abs(jnp.diff(difference, axis=2))
    n, h, w, c = difference.shape
    difference = difference.reshape(n, h // 2, 2, w // 2, 2, c).mean((2, 4))
  return total / _SCALES


def _mean_abs(x: jax.Array) -> jax.Array:
  return jnp.abs(x).mean(axis=(1, 2, 3))
