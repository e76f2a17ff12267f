"""What single pictures look like: colorfulness and sharpness."""

import jax
import jax.numpy as jnp

from art_jax.media import cielab


def colorfulness(images: jax.Array) -> jax.Array:
  """Return how colorful pictures are: 0 gray, 33 average, 109 extremely.

  M = sqrt(var rg + var yb) + 0.3 sqrt(mean(rg)^2 + mean(yb)^2) with rg = R - G
  and yb = (R + G) / 2 - B, of values in 0..255.

  Args:
    images: f32[N, H, W, C] in [-1, 1]; gray pictures have 0.

  Returns:
    f32[N], >= 0.

  Reference: Hasler & Suesstrunk 2003, "Measuring Colourfulness in Natural
  Images", section 7.
  """
  if images.shape[-1] == 1:
    return jnp.zeros(images.shape[0])
  red, green, blue = jnp.moveaxis(_bytes(images), -1, 0)
  rg, yb = red - green, (red + green) / 2 - blue
  axes = (1, 2)
  spread = jnp.sqrt(rg.var(axis=axes) + yb.var(axis=axes))
  shift = jnp.sqrt(rg.mean(axis=axes) ** 2 + yb.mean(axis=axes) ** 2)
  return spread + 0.3 * shift


def sharpness(images: jax.Array) -> jax.Array:
  """Return the variance of the Laplacian of the luma (0..255).

  It falls with blur and rises with detail and noise alike: compare it with
  that of real pictures of the same size.

  Args:
    images: f32[N, H, W, C] in [-1, 1], H and W >= 3.

  Returns:
    f32[N], >= 0.

  Reference: Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield
  microscopy".
  """
  pixels = _bytes(images)
  gray = pixels.shape[-1] == 1
  luma = pixels[..., 0] if gray else pixels @ jnp.asarray(cielab.LUMA)
  sides = luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1]
  sides += luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:]
  return (sides - 4 * luma[:, 1:-1, 1:-1]).var(axis=(1, 2))


def _bytes(images: jax.Array) -> jax.Array:
  return 127.5 * (images + 1)
