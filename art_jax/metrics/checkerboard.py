"""Checkerboards: the grid that upsampling layers leave in pictures."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from art_jax.media import cielab

PERIOD = 4  # two upsamplings of factor 2, whose grids are most visible


def checkerboard_energy(images: jax.Array, period: int = PERIOD) -> jax.Array:
  """Return how far the spectrum stands out at the upsampling frequencies.

  A layer that enlarges s times repeats its weights every s pixels, so its
  artifacts have the frequencies (i / s, j / s). The power of the pictures'
  luma (Hann window, averaged over the pictures) in the 3x3 bins at each of
  them is divided by the mean power of the 7x7 bins around; the largest such
  ratio is returned. About 1 without a grid; it is a property of the set, not
  of one picture.

  Args:
    images: f32[N, H, W, C] in [-1, 1], H and W >= 8 * period.
    period: s, in pixels; 4 covers 2 as well.

  Returns:
    f32[], > 0; 1 for pictures of one color.

  Raises:
    ValueError: the pictures are smaller.

  Reference: Odena et al. 2016, distill.pub/2016/deconv-checkerboard, for the
  artifact; the ratio is our own.
  """
  _, height, width, channels = images.shape
  if min(height, width) < 8 * period:
    raise ValueError(
      f'pictures of {height}x{width} pixels: checkerboards of period {period} '
      f'take {8 * period} pixels a side'
    )
  # Sides that the period divides, or the frequencies fall between the bins.
  height, width = height // period * period, width // period * period
  images = images[:, :height, :width]
  luma = images @ jnp.asarray(cielab.LUMA) if channels == 3 else images[..., 0]
  luma = luma - luma.mean(axis=(1, 2), keepdims=True)
  # Without its last value the Hann window is periodic.
  window = np.outer(np.hanning(height + 1)[:-1], np.hanning(width + 1)[:-1])
  power = jnp.square(
    jnp.abs(jnp.fft.fft2(luma * window.astype(np.float32)))
  ).mean(axis=0)
  ratios = []
  for i, j in itertools.product(range(period), repeat=2):
    if i or j:
      row, column = i * height // period, j * width // period
      around = jnp.roll(power, (3 - row, 3 - column), (0, 1))[:7, :7]
      peak = around[2:5, 2:5].sum()
      ring = around.sum() - peak
      ratios.append((peak / 9 + 1e-12) / (ring / 40 + 1e-12))
  return jnp.stack(ratios).max()
