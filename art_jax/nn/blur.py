"""Halving and doubling of pictures without aliasing.

Zhang 2019, "Making Convolutional Networks Shift-Invariant Again",
arXiv:1904.11486: a strided layer is a dense one, then a blur, of which every
second pixel stays. CUT resamples so.
"""

import jax
import jax.numpy as jnp
from jax import lax

from art_jax.nn import require


def halve(x: jax.Array) -> jax.Array:
  """Blur by [1, 2, 1] / 4 along both axes and keep every second pixel.

  Args:
    x: [B, H, W, C]; its borders are mirrored, the edge not repeated.

  Returns:
    [B, ceil(H / 2), ceil(W / 2), C].

  Raises:
    ValueError: if a side has one pixel.
  """
  require.holds(
    not any(size < 2 for size in x.shape[1:3]),
    f'a picture of {x.shape[1]}x{x.shape[2]} is too small to be halved: both '
    'sides are at least 2',
  )
  return _halved(_halved(x, 1), 2)


def double(x: jax.Array) -> jax.Array:
  """Double both sides by [1, 3, 3, 1] / 4, which is bilinear.

  Args:
    x: [B, H, W, C]; its borders are repeated.

  Returns:
    [B, 2 H, 2 W, C].
  """
  return _doubled(_doubled(x, 1), 2)


def detail(x: jax.Array) -> jax.Array:
  """Return what a blur by [1, 2, 1] / 4 along both axes takes away.

  Args:
    x: [B, H, W, C]; its borders are mirrored, the edge not repeated.

  Returns:
    x less its blur, of the same shape.

  Raises:
    ValueError: if a side has one pixel.
  """
  require.holds(
    not any(size < 2 for size in x.shape[1:3]),
    f'a picture of {x.shape[1]}x{x.shape[2]} is too small to be blurred: both '
    'sides are at least 2',
  )
  blurred = x
  for axis in (1, 2):
    size = x.shape[axis]
    padded = jnp.concatenate(
      [
        _part(blurred, 1, 2, axis),
        blurred,
        _part(blurred, size - 2, size - 1, axis),
      ],
      axis,
    )
    before, after = _part(padded, 0, size, axis), _part(padded, 2, None, axis)
    blurred = 0.25 * (before + after) + 0.5 * blurred
  return x - blurred


def _halved(x: jax.Array, axis: int) -> jax.Array:
  if x.shape[axis] % 2:  # mirrored at the end
    x = jnp.concatenate([x, _part(x, -2, -1, axis)], axis)
  half = x.shape[axis] // 2
  pairs = x.reshape(*x.shape[:axis], half, 2, *x.shape[axis + 1 :])
  even, odd = (lax.index_in_dim(pairs, i, axis + 1, False) for i in range(2))
  before = jnp.concatenate(
    [_part(odd, 0, 1, axis), _part(odd, 0, half - 1, axis)], axis
  )
  return 0.25 * (before + odd) + 0.5 * even


def _doubled(x: jax.Array, axis: int) -> jax.Array:
  size = x.shape[axis]
  first, last = _part(x, 0, 1, axis), _part(x, size - 1, size, axis)
  before = jnp.concatenate([first, _part(x, 0, size - 1, axis)], axis)
  after = jnp.concatenate([_part(x, 1, size, axis), last], axis)
  pairs = jnp.stack([before, after], axis + 1)
  pairs = 0.25 * pairs + 0.75 * jnp.expand_dims(x, axis + 1)
  return pairs.reshape(*x.shape[:axis], 2 * size, *x.shape[axis + 1 :])


def _part(x: jax.Array, start, stop, axis: int) -> jax.Array:
  return x[(slice(None),) * axis + (slice(start, stop),)]
