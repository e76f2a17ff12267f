"""The colors of a picture from those of the cells that it matches."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from art_jax.nn import laplacian
from art_jax.nn.field import CELL


def settle_colors(
  pixels: jax.Array,
  colors: jax.Array,
  contrast: jax.Array,
  gain: jax.Array | tuple = (),
) -> jax.Array:
  """Return pixels whose low frequencies are the colors of cells.

  What lies above a quarter of Nyquist stays; where its deviation exceeds that
  of the paintings, it is scaled down to it.

  Args:
    pixels: f32[B, H, W, 3] in [-1, 1].
    colors: f32[B, h, w, 3], of the matched cells.
    contrast: f32[3], the greatest deviation of the rest, by channel.
    gain: f32[B, 3], what the rest is multiplied by; (): from `contrast`.

  Returns:
    f32[B, H, W, 3] in [-1, 1].
  """
  rest = detail(pixels)
  if isinstance(gain, tuple):
    gain = gain_of(jnp.mean(rest**2, (1, 2)), contrast)
  low = laplacian.resized(colors, pixels.shape[1:3])
  return jnp.clip(low + gain[:, None, None] * rest, -1, 1)


def gain_of(square: jax.Array, contrast: jax.Array) -> jax.Array:
  """Return f32[B, 3] <= 1: to `contrast` from mean squares f32[B, 3]."""
  return jnp.minimum(1, contrast * jax.lax.rsqrt(jnp.maximum(square, 1e-12)))


def contrast(sources: Sequence[jax.Array]) -> jax.Array:
  """Return the deviation of the sources' detail by channel, f32[3]."""
  squares = jnp.stack([jnp.mean(detail(x) ** 2, (0, 1, 2)) for x in sources])
  return jnp.sqrt(jnp.mean(squares, 0))


def detail(pictures: jax.Array) -> jax.Array:
  """Return pictures f32[B, H, W, 3] less what their cells' colors hold."""
  cells = laplacian.resized(
    pictures, tuple(n // CELL for n in pictures.shape[1:3])
  )
  return pictures - laplacian.resized(cells, pictures.shape[1:3])
