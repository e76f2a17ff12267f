"""Hypercolumns: all layers of a feature network at each cell of a picture."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import laplacian, pure
from art_jax.nn.field import CELL


def hypercolumns(
  network: nn.Module,
  variables: Any,
  picture: jax.Array,
  layers: Sequence[str],
) -> jax.Array:
  """Return f32[H // 4, W // 4, C] of one picture f32[1, H, W, 3]."""
  return batch_of_hypercolumns(network, variables, picture, layers)[0]


def batch_of_hypercolumns(
  network: nn.Module,
  variables: Any,
  pictures: jax.Array,
  layers: Sequence[str],
) -> jax.Array:
  """Return f32[B, H // 4, W // 4, C] of pictures f32[B, H, W, 3].

  Each layer is resized (linearly, antialiased) to a quarter of the picture's
  sides; C is the sum of their channels.

  Reference: Kolkin et al. 2022, arXiv:2203.13215, section 3.2.
  """
  outputs = pure.apply(network, variables, pictures, tuple(layers))
  shape = cells_of(pictures.shape[1:3])
  return jnp.concatenate(
    [laplacian.resized(outputs[name], shape) for name in layers], -1
  )


def in_blocks(
  extract: Callable[[jax.Array], jax.Array],
  picture: jax.Array,
  side: int,
  halo: int = 32,
) -> jax.Array:
  """Return the hypercolumns of a picture of any size, block by block.

  Args:
    extract: from f32[1, h, w, 3] to its hypercolumns.
    picture: f32[1, H, W, 3], its sides multiples of 16.
    side: of a block, a multiple of 16 pixels.
    halo: pixels that a block sees beyond the part that is kept, where it can.
  """
  _, height, width, _ = picture.shape
  if max(height, width) <= side:
    return extract(picture)
  h, w = min(side, height), min(side, width)
  rows, columns = _cuts(height, h, halo), _cuts(width, w, halo)
  parts = []
  for top, first_row, last_row in rows:
    strip = []
    for left, first, last in columns:
      block = extract(picture[:, top : top + h, left : left + w])
      strip.append(
        block[
          :,
          (first_row - top) // CELL : (last_row - top) // CELL,
          (first - left) // CELL : (last - left) // CELL,
        ]
      )
    parts.append(jnp.concatenate(strip, 2))
  return jnp.concatenate(parts, 1)


def cells_of(shape: Sequence[int]) -> tuple[int, int]:
  """Return height and width, in cells, of a picture of so many pixels."""
  height, width = shape
  return height // CELL, width // CELL


def cosine_distance(features: jax.Array, matched: jax.Array) -> jax.Array:
  """Return f32[...], 1 - <f, g> / (|f| |g|) over the last axis."""
  product = jnp.sum(features * matched, -1)
  squares = jnp.sum(features**2, -1) * jnp.sum(matched**2, -1)
  return 1 - product * jax.lax.rsqrt(jnp.maximum(squares, 1e-12))


def _cuts(extent: int, size: int, halo: int) -> list[tuple[int, int, int]]:
  """Return (start of the block, first and end of its part) along an axis."""
  if size == extent:
    return [(0, 0, extent)]
  part = size - 2 * halo
  return [
    (min(max(at - halo, 0), extent - size), at, min(at + part, extent))
    for at in range(0, extent, part)
  ]
