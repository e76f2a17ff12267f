"""The Laplacian pyramid of pictures, and its exact inverse."""

from collections.abc import Sequence

import jax

_LEAST = 4  # pixels of the coarsest level's shorter side


def pyramid(pictures: jax.Array, levels: int) -> list[jax.Array]:
  """Return the levels of f32[B, H, W, C], finest first.

  A level is what halving and enlarging loses; the last one is the rest. Both
  are linear interpolations, antialiased where they shrink.

  Args:
    pictures: of any size.
    levels: at most so many; fewer where a side would fall below 4 pixels.

  Reference: Burt & Adelson 1983, "The Laplacian Pyramid as a Compact Image
  Code".
  """
  parts = []
  for _ in range(levels - 1):
    half = tuple((side + 1) // 2 for side in pictures.shape[1:3])
    if min(half) < _LEAST:
      break
    coarse = resized(pictures, half)
    parts.append(pictures - resized(coarse, pictures.shape[1:3]))
    pictures = coarse
  return [*parts, pictures]


def collapse(levels: Sequence[jax.Array]) -> jax.Array:
  """Return the pictures f32[B, H, W, C] of a pyramid."""
  *finer, picture = levels
  for level in reversed(finer):
    picture = level + resized(picture, level.shape[1:3])
  return picture


def resized(pictures: jax.Array, shape: Sequence[int]) -> jax.Array:
  """Return f32[B, *shape, C], interpolated linearly, antialiased."""
  size = (pictures.shape[0], *shape, pictures.shape[3])
  return (
    pictures
    if size == pictures.shape
    else jax.image.resize(pictures, size, 'linear')
  )
