"""`pixels32`: features that need no weights, the same on every machine.

3,072 colors and 128 gradient histograms of a picture. They see composition,
palette, sharpness and texture, and nothing of what a picture shows: good
enough to detect collapse, copies and noise, too coarse to rank two good models.
The definition is fixed; another one will have another name.
"""

import jax
import jax.numpy as jnp
import numpy as np

from art_jax.media import cielab
from art_jax.metrics.features import Extractor
from art_jax.metrics.resize import to_rgb

SIDE = 32  # of the shrunk picture
CELLS = 4  # per side, of the histograms
BINS = 8  # orientations in [0, pi)
# Makes the 128 gradients vary about as much (485 in sum of variances over the
# built-in paintings at 64 px) as the 3,072 colors (668).
GRADIENT_WEIGHT = 200.0


def features(images: jax.Array) -> jax.Array:
  """Return colors and gradient histograms of pictures.

  Colors: the picture averaged over a 32x32 grid, in [-1, 1]. Gradients: at
  the picture's own resolution, forward differences dx, dy of the luma (Rec.
  601); their length sqrt(dx^2 + dy^2) goes to the two nearest of 8 unsigned
  orientations, linearly, and is averaged over each of 4x4 cells, times 200.
  Averages weigh the pixels on a border by their share, so any size works.

  Args:
    images: f32[N, H, W, C] in [-1, 1], H and W >= 2, C is 1 or 3.

  Returns:
    f32[N, 3200]: 32 * 32 * 3 colors by row, column, channel, then 4 * 4 * 8
    gradients by row, column, orientation.
  """
  count, height, width, _ = images.shape
  images = to_rgb(images)
  colors = _average(images, SIDE)
  luma = images @ jnp.asarray(cielab.LUMA, images.dtype)
  dx = jnp.diff(luma, axis=2)[:, : height - 1]
  dy = jnp.diff(luma, axis=1)[:, :, : width - 1]
  length = jnp.sqrt(dx * dx + dy * dy)
  place = jnp.arctan2(dy, dx) * (BINS / np.pi) % BINS
  distance = jnp.abs(place[..., None] - jnp.arange(BINS))
  share = jnp.maximum(0, 1 - jnp.minimum(distance, BINS - distance))
  gradients = GRADIENT_WEIGHT * _average(length[..., None] * share, CELLS)
  return jnp.concatenate(
    [colors.reshape(count, -1), gradients.reshape(count, -1)], axis=1
  )


def _average(images: jax.Array, side: int) -> jax.Array:
  """Average [N, H, W, C] over a grid of `side` x `side` equal boxes."""
  rows, columns = (_boxes(extent, side) for extent in images.shape[1:3])
  return jnp.einsum(
    'nhwc,ih,jw->nijc', images, rows, columns, precision='highest'
  )


def _boxes(extent: int, side: int) -> np.ndarray:
  """Return f32[side, extent]: the share of each pixel in each box."""
  edges = np.arange(side + 1) * (extent / side)
  pixels = np.arange(extent)
  high = np.minimum(edges[1:, None], pixels + 1)
  low = np.maximum(edges[:-1, None], pixels)
  return (np.maximum(high - low, 0) * (side / extent)).astype(np.float32)


EXTRACTOR = Extractor(
  name='pixels32',
  width=SIDE * SIDE * 3 + CELLS * CELLS * BINS,
  resize="averaged to 32x32; gradients at the picture's own size",
  load=lambda path=None: (),
  apply=lambda params, images: features(images),
)
