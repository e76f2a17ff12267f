"""Euclidean distances between the rows of feature matrices."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core

_BLOCK = 1024


@jax.jit
def pairwise(x: jax.Array, y: jax.Array) -> jax.Array:
  """Return |x_i - y_j|: f32[N, M] of f32[N, D] and f32[M, D]."""
  # Both moved towards 0, or the difference of large squares loses digits.
  center = y.mean(axis=0)
  x, y = x - center, y - center
  squares = (x * x).sum(axis=1)[:, None] + (y * y).sum(axis=1)
  products = jnp.matmul(x, y.T, precision='highest')
  return jnp.sqrt(jnp.maximum(squares - 2 * products, 0))


def by_blocks(x: np.ndarray, y: np.ndarray) -> Iterator[jax.Array]:
  """Yield `pairwise(rows, y)` for one block of rows of x after another."""
  others = jnp.asarray(y)
  for first in range(0, len(x), _BLOCK):
    yield pairwise(jnp.asarray(x[first : first + _BLOCK]), others)


def mean_off_diagonal(square: Any) -> Any:
  """Return the mean of [N, N] off its diagonal, N >= 2; NumPy or JAX."""
  count = len(square)
  return (square.sum() - square.trace()) / (count * (count - 1))


def mean_pairwise(x: np.ndarray) -> float:
  """Return the mean distance of two different rows; UserError below two."""
  core.require(
    len(x) >= 2,
    f'the distance of {len(x)} pictures to each other: it takes at least 2; '
    'give more pictures',
  )
  total = sum(float(block.sum()) for block in by_blocks(x, x))
  return total / (len(x) * (len(x) - 1))
