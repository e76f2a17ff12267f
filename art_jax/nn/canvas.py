"""A picture whose pixels, or their frequency bands, are parameters."""

import jax
from flax import linen as nn

from art_jax.nn import laplacian


class Canvas(nn.Module):
  """Holds `pixels` f32[B, H, W, C]; they start as the picture it is given."""

  @nn.compact
  def __call__(self, start: jax.Array, train: bool = False) -> jax.Array:
    """Return the pixels.

    Args:
      start: [B, H, W, C] in [-1, 1], what the pixels start as.
      train: not used.
    """
    return self.param('pixels', lambda key: start + 0.0)


class PyramidCanvas(nn.Module):
  """Holds the Laplacian pyramid of pictures; it starts as theirs.

  Attributes:
    levels: at most so many, see `laplacian.pyramid`.
  """

  levels: int = 5

  @nn.compact
  def __call__(self, start: jax.Array, train: bool = False) -> jax.Array:
    """Return the pictures f32[B, H, W, C].

    Args:
      start: [B, H, W, C] in [-1, 1], what they start as.
      train: not used.
    """
    parts = laplacian.pyramid(start, self.levels)
    return laplacian.collapse(
      [
        self.param(f'level_{number}', lambda key, part=part: part + 0.0)
        for number, part in enumerate(parts)
      ]
    )
