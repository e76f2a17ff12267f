"""Strokes as strong as those of the sources, where votes have averaged them."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from art_jax.nn.field import Field, Turned, turned

_FINE = 1.3  # pixels; what a Gaussian of it removes is above 1/8 cycle a pixel
_NEAR = 4.0  # pixels; strength is measured around each
_MOST = 1.6  # times


def restored(
  pixels: np.ndarray,
  origins: Field,
  pictures: Sequence[Turned],
  sources: Sequence[np.ndarray],
) -> np.ndarray:
  """Return a picture whose detail is as strong as where it comes from.

  A pixel of patches that do not quite agree is a mean of several, and detail
  that is averaged is weaker. With h what a Gaussian of 1.3 pixels removes and P
  the power of h around a pixel, at the pixel and at its origin,

    x + (g - 1) h,  g = sqrt(P(origin) / P(x)) in [1, 1.6].

  Args:
    pixels: f32[H, W, 3] in [-1, 1].
    origins: of each pixel, in `pictures`.
    pictures: the turned sources.
    sources: f32[h, w, 3] each.
  """
  powers = [_power(_detail(source)) for source in sources]
  wanted = np.zeros(pixels.shape[:2], np.float32)
  number, row, column = (np.asarray(values) for values in origins)
  for i, (source, turn) in enumerate(pictures):
    here = number == i
    power = turned(powers[source][..., None], turn)[..., 0]
    wanted[here] = power[row[here], column[here]]
  detail = _detail(pixels)
  # Smooth, as the power of the picture is: origins jump.
  ratio = ndimage.gaussian_filter(wanted, _NEAR) / (_power(detail) + 1e-6)
  gain = np.clip(np.sqrt(ratio), 1, _MOST)[..., None]
  return np.clip(pixels + (gain - 1) * detail, -1, 1)


def _detail(pixels: np.ndarray) -> np.ndarray:
  return pixels - ndimage.gaussian_filter(pixels, (_FINE, _FINE, 0))


def _power(detail: np.ndarray) -> np.ndarray:
  """Return the power f32[h, w] of a detail around each pixel."""
  return ndimage.gaussian_filter((detail**2).mean(-1), _NEAR)
