"""Similarity of two pictures of one scene: PSNR, SSIM, MS-SSIM.

Pixels are in [-1, 1], so the range of the data is 2; colors are compared
channel by channel. `tf.image` gives the same numbers, but convolves with the
whole 11x11 window, on the CPU only: ten times slower there.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from scipy import linalg

SSIM_SIDE = 11  # smallest side of a picture: that of the Gaussian window
MS_SSIM_SIDE = SSIM_SIDE * 2**4
_RANGE, _SIGMA = 2.0, 1.5
_C1, _C2 = (0.01 * _RANGE) ** 2, (0.03 * _RANGE) ** 2
# Of the paper, from the finest scale to the coarsest.
_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


@jax.jit
def psnr(x: jax.Array, y: jax.Array) -> jax.Array:
  """Return 10 log10(range^2 / mean (x - y)^2) in dB; inf if equal.

  Args:
    x: f32[N, H, W, C] in [-1, 1].
    y: the same.

  Returns:
    f32[N].
  """
  return 10 * jnp.log10(_RANGE**2 / jnp.square(x - y).mean(axis=(1, 2, 3)))


@jax.jit
def ssim(x: jax.Array, y: jax.Array) -> jax.Array:
  """Return the structural similarity.

  SSIM = (2 mx my + C1)(2 sxy + C2) / ((mx^2 + my^2 + C1)(sx^2 + sy^2 + C2)),
  means and variances in Gaussian windows of 11x11 pixels (sigma 1.5) that lie
  within the picture, averaged.

  Args:
    x: f32[N, H, W, C] in [-1, 1], H and W >= 11.
    y: the same.

  Returns:
    f32[N] in [-1, 1].

  Raises:
    ValueError: the pictures are smaller, or differ in shape.

  Reference: Wang et al. 2004, "Image Quality Assessment", eq. 13.
  """
  _require_shapes(x, y, SSIM_SIDE)
  luminance, contrast = _terms(x, y)
  return (luminance * contrast).mean(axis=(1, 2, 3))


@jax.jit
def ms_ssim(x: jax.Array, y: jax.Array) -> jax.Array:
  """Return the multi-scale structural similarity, over 5 scales.

  MS-SSIM = l_5^w5 prod_s c_s^ws; each scale is the 2x2 mean of the one before.
  Terms below 0 count as 0.

  Args:
    x: f32[N, H, W, C] in [-1, 1], H and W >= 176 (11 at the last scale).
    y: the same.

  Returns:
    f32[N] in [0, 1].

  Raises:
    ValueError: the pictures are smaller, or differ in shape.

  Reference: Wang et al. 2003, "Multi-scale Structural Similarity", eq. 7.
  """
  _require_shapes(x, y, MS_SSIM_SIDE)
  terms = []
  for _ in _WEIGHTS:
    luminance, contrast = _terms(x, y)
    terms.append(contrast)
    x, y = (nn.avg_pool(image, (2, 2), (2, 2)) for image in (x, y))
  terms[-1] *= luminance
  means = jnp.stack([jnp.maximum(term.mean(axis=(1, 2)), 0) for term in terms])
  weights = jnp.asarray(_WEIGHTS)[:, None, None]
  return (means**weights).prod(axis=0).mean(axis=1)


def _terms(x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
  """Return maps of the luminance term and of contrast times structure."""
  mean_x, mean_y = _blur(x), _blur(y)
  var_x = _blur(x * x) - mean_x**2
  var_y = _blur(y * y) - mean_y**2
  cov = _blur(x * y) - mean_x * mean_y
  luminance = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
  return luminance, (2 * cov + _C2) / (var_x + var_y + _C2)


def _blur(x: jax.Array) -> jax.Array:
  """Average over Gaussian windows: [N, H, W, C] -> [N, H-10, W-10, C]."""
  window = np.exp(-0.5 * ((np.arange(11) - 5) / _SIGMA) ** 2)
  rows, columns = (
    linalg.convolution_matrix(window / window.sum(), side - 10).T
    for side in x.shape[1:3]
  )
  return jnp.einsum('nhwc,ih,jw->nijc', x, rows, columns, precision='highest')


def _require_shapes(x: jax.Array, y: jax.Array, smallest: int) -> None:
  if x.shape != y.shape or min(x.shape[1:3]) < smallest:
    raise ValueError(
      f'shapes {x.shape} and {y.shape}: they must be equal, with at least '
      f'{smallest} pixels a side'
    )
