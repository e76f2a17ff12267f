"""Likeness of two pictures of one scene: PSNR, SSIM, MS-SSIM.

Pixels are in [-1, 1], so the range of the data is 2; colours are compared
channel by channel.
"""

import jax
import jax.numpy as jnp
import numpy as np

_RANGE = 2.0
_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = (0.01 * _RANGE) ** 2, (0.03 * _RANGE) ** 2
# Of the paper, from the finest scale to the coarsest.
_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def psnr(x: jax.Array, y: jax.Array) -> jax.Array:
  """Return 10 log10(range^2 / mean (x - y)^2) in dB; inf if equal.

  Args:
    x: f32[N, H, W, C] in [-1, 1].
    y: the same.

  Returns:
    f32[N].
  """
  error = jnp.square(x - y).mean(axis=(1, 2, 3))
  return 10 * jnp.log10(_RANGE**2 / error)


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
  _check(x, y, 1)
  luminance, contrast = _terms(x, y)
  return (luminance * contrast).mean(axis=(1, 2, 3))


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
  scales = len(_WEIGHTS)
  _check(x, y, scales)
  result = 1.0
  for scale, weight in enumerate(_WEIGHTS):
    luminance, contrast = _terms(x, y)
    last = scale == scales - 1
    term = luminance * contrast if last else contrast
    result *= jnp.maximum(term.mean(axis=(1, 2)), 0) ** weight
    if not last:
      x, y = _halve(x), _halve(y)
  return result.mean(axis=1)


def _terms(x, y):
  """Return maps of the luminance term and of contrast times structure."""
  mean_x, mean_y = _blur(x), _blur(y)
  var_x = _blur(x * x) - mean_x**2
  var_y = _blur(y * y) - mean_y**2
  cov = _blur(x * y) - mean_x * mean_y
  luminance = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
  return luminance, (2 * cov + _C2) / (var_x + var_y + _C2)


def _blur(x: jax.Array) -> jax.Array:
  """Average over Gaussian windows: [N, H, W, C] -> [N, H-10, W-10, C]."""
  rows, columns = _band(x.shape[1]), _band(x.shape[2])
  return jnp.einsum('nhwc,ih,jw->nijc', x, rows, columns, precision='highest')


def _band(extent: int) -> np.ndarray:
  offsets = np.arange(_WINDOW) - _WINDOW // 2
  window = np.exp(-0.5 * (offsets / _SIGMA) ** 2)
  window /= window.sum()
  matrix = np.zeros((extent - _WINDOW + 1, extent), np.float32)
  for row in range(len(matrix)):
    matrix[row, row : row + _WINDOW] = window
  return matrix


def _halve(x: jax.Array) -> jax.Array:
  n, h, w, c = x.shape
  x = x[:, : h // 2 * 2, : w // 2 * 2]
  return x.reshape(n, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))


def _check(x, y, scales: int) -> None:
  smallest = _WINDOW * 2 ** (scales - 1)
  if x.shape != y.shape or min(x.shape[1:3]) < smallest:
    raise ValueError(
      f'shapes {x.shape} and {y.shape}: they must be equal, with at least '
      f'{smallest} pixels a side'
    )
