"""How much of a picture is fine strokes: the power of its high frequencies."""

import jax
import jax.numpy as jnp
import numpy as np

from art_jax.media import cielab

CUTOFF = 1 / 8  # cycles a pixel


def stroke_energy(images: jax.Array, cutoff: float = CUTOFF) -> jax.Array:
  """Return the mean power of the luma above a radial frequency.

  E = mean over f with |f| > cutoff of |F[w (l - mean l)](f)|^2 / sum w^2

  where w is the periodic Hann window over both axes; white noise has its
  variance at any size. Compare pictures of equal size: that of a painting is
  not the same at another scale.

  Args:
    images: f32[N, H, W, C] in [-1, 1], C is 3 or 1.
    cutoff: in cycles a pixel, less than 1/2.

  Returns:
    f32[N], >= 0.

  Raises:
    ValueError: a side has fewer than 8 pixels, or the cutoff is out of range.
  """
  height, width, channels = images.shape[1:]
  if min(height, width) < 8 or not 0 <= cutoff < 0.5:
    raise ValueError(
      f'pictures of {height}x{width} pixels above {cutoff} cycles a pixel: '
      'sides are at least 8, and the frequency is at least 0 and below 0.5'
    )
  luma = images @ jnp.asarray(cielab.LUMA) if channels == 3 else images[..., 0]
  luma = luma - luma.mean(axis=(1, 2), keepdims=True)
  # Without its last value the Hann window is periodic.
  window = np.outer(np.hanning(height + 1)[:-1], np.hanning(width + 1)[:-1])
  power = jnp.abs(jnp.fft.fft2(luma * window.astype(np.float32))) ** 2
  rows, columns = np.fft.fftfreq(height), np.fft.fftfreq(width)
  high = np.hypot(rows[:, None], columns) > cutoff
  return (power * high).sum((1, 2)) / np.float32(high.sum() * (window**2).sum())
