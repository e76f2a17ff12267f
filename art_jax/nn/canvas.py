"""A picture whose pixels are parameters."""

import jax
from flax import linen as nn


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
