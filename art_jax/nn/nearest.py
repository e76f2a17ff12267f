"""The nearest vectors of a bank by cosine, in blocks: exact, or projected.

The similarity of a vector q with row r of a bank whose center is m is

  <q, r - m> / (|q| |r - m|).

The projected search compares all rows in few dimensions, keeps the best
candidates and decides between them exactly.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

_PAD = 1024  # rows of a bank are a multiple of it
_SKETCH = 4096  # rows that its principal components are computed from
_MATCHED = 1e-12


class Bank(NamedTuple):
  """Vectors to search.

  Attributes:
    rows: f32[S, C]; the last ones may be padding.
    center: f32[C], subtracted from each row.
    scale: f32[S], 1 / |row - center|; 0: the row is padding.
    basis: f32[C, D], orthonormal columns; (): no projection.
    low: f32[S, D], the centered rows of length one, projected; ().
  """

  rows: jax.Array
  center: jax.Array
  scale: jax.Array
  basis: Any = ()
  low: Any = ()


def bank(rows: jax.Array, center: jax.Array | None = None) -> Bank:
  """Return a bank of f32[S, C] for the exact search.

  Args:
    rows: its vectors.
    center: f32[C]; None: zero.
  """
  rows = jnp.asarray(rows)
  center = jnp.zeros(rows.shape[1]) if center is None else jnp.asarray(center)
  norms = jnp.sqrt(jnp.sum((rows - center) ** 2, 1))
  return Bank(rows, center, 1 / jnp.maximum(norms, _MATCHED))


def padded(found: Bank) -> Bank:
  """Return the bank with rows up to a multiple of 1,024 that never match.

  Banks of about the same size then have one shape, and one compilation.
  """
  more = -found.rows.shape[0] % _PAD
  return found._replace(
    rows=jnp.pad(found.rows, ((0, more), (0, 0))),
    scale=jnp.pad(found.scale, (0, more)),
  )


def joined(banks: Sequence[Bank]) -> Bank:
  """Return one bank, not projected, of the rows of all; one center."""
  return Bank(
    jnp.concatenate([one.rows for one in banks]),
    banks[0].center,
    jnp.concatenate([one.scale for one in banks]),
  )


def projected(found: Bank, basis: jax.Array) -> Bank:
  """Return the bank with its rows projected to f32[C, D]."""
  low = (found.rows @ basis - found.center @ basis) * found.scale[:, None]
  return found._replace(basis=basis, low=low)


def principal_basis(key: jax.Array, found: Bank, dims: int) -> jax.Array:
  """Return the first principal directions of the centered rows, f32[C, D].

  By subspace iteration on at most 4,096 rows, evenly spread; D = min(dims, C).

  Reference: Halko, Martinsson, Tropp 2011, arXiv:0909.4061, algorithm 4.4.
  """
  count, channels = found.rows.shape
  chosen = _spread(count, min(count, _SKETCH))
  rows = (found.rows[chosen] - found.center) * found.scale[chosen, None]
  dims = min(dims, channels)
  sketch = jax.random.normal(key, (channels, min(dims + 16, channels)))
  for _ in range(3):
    sketch, _ = jnp.linalg.qr(rows.T @ (rows @ sketch))
  _, _, turned = jnp.linalg.svd(rows @ sketch, full_matrices=False)
  if turned.shape[0] < dims:  # fewer rows than directions
    return sketch[:, :dims]
  return sketch @ turned[:dims].T


def random_basis(key: jax.Array, channels: int, dims: int) -> jax.Array:
  """Return random orthonormal directions, f32[C, min(dims, C)]."""
  drawn = jax.random.normal(key, (channels, min(dims, channels)))
  return jnp.linalg.qr(drawn)[0]


def nearest(
  queries: jax.Array, found: Bank, *, candidates: int = 8, chunk: int = 1024
) -> tuple[jax.Array, jax.Array]:
  """Return the nearest row of each query, i32[n], and its similarity, f32[n].

  Args:
    queries: f32[n, C], centered by the caller.
    found: the bank; one with a projection is searched in it.
    candidates: rows of the projected search that are compared exactly.
    chunk: queries that are searched at a time: the memory is `chunk` times
      the number of rows, and in a projection also `chunk * candidates * C`.
  """
  search = _exact if isinstance(found.low, tuple) else _by_candidates
  size = min(chunk, queries.shape[0])
  blocks = jnp.pad(queries, ((0, -queries.shape[0] % size), (0, 0)))
  blocks = blocks.reshape(-1, size, queries.shape[1])
  index, similarity = jax.lax.map(
    lambda block: search(block, found, candidates), blocks
  )
  return (
    index.reshape(-1)[: queries.shape[0]],
    similarity.reshape(-1)[: queries.shape[0]],
  )


def _exact(queries, found: Bank, candidates: int):
  del candidates  # all rows are
  products = queries @ found.rows.T - (queries @ found.center)[:, None]
  similarity = jnp.where(found.scale > 0, products * found.scale, -jnp.inf)
  return jnp.argmax(similarity, 1), jnp.max(similarity, 1) * _inverse(queries)


def _by_candidates(queries, found: Bank, candidates: int):
  scores = (queries @ found.basis) @ found.low.T
  scores = jnp.where(found.scale > 0, scores, -jnp.inf)
  _, index = jax.lax.top_k(scores, min(candidates, scores.shape[1]))
  products = jnp.einsum('nc,nkc->nk', queries, found.rows[index])
  products -= (queries @ found.center)[:, None]
  scale = found.scale[index]
  similarity = jnp.where(scale > 0, products * scale, -jnp.inf)
  best = jnp.argmax(similarity, 1)[:, None]
  return (
    jnp.take_along_axis(index, best, 1)[:, 0],
    jnp.take_along_axis(similarity, best, 1)[:, 0] * _inverse(queries),
  )


def _inverse(queries: jax.Array) -> jax.Array:
  """Return one over the norms of f32[n, C]."""
  return 1 / jnp.maximum(jnp.sqrt(jnp.sum(queries**2, 1)), _MATCHED)


def _spread(count: int, chosen: int) -> jax.Array:
  """Return i32[chosen] numbers below `count`, evenly spread."""
  return jnp.arange(chosen) * count // chosen
