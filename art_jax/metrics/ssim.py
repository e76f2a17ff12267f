"""Similarity of two pictures of one scene: PSNR, SSIM, MS-SSIM.

Pixels are in [-1, 1], so the range of the data is 2; colors are compared
channel by channel. The formulas are those of TensorFlow, which the input
pipeline depends on anyway; it is imported when one is computed.
"""

import numpy as np

from art_jax.data.streaming import import_tensorflow, require_tensorflow

SSIM_SIDE = 11  # smallest side of a picture: that of the Gaussian window
MS_SSIM_SIDE = SSIM_SIDE * 2**4
_RANGE = 2.0


def psnr(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  """Return 10 log10(range^2 / mean (x - y)^2) in dB; inf if equal.

  Args:
    x: f32[N, H, W, C] in [-1, 1].
    y: the same.

  Returns:
    f32[N].
  """
  with np.errstate(divide='ignore'):
    return 10 * np.log10(_RANGE**2 / np.square(x - y).mean(axis=(1, 2, 3)))


def ssim(x: np.ndarray, y: np.ndarray) -> np.ndarray:
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
    core.UserError: TensorFlow is not installed.

  Reference: Wang et al. 2004, "Image Quality Assessment", eq. 13.
  """
  return _by_tensorflow('ssim', x, y, SSIM_SIDE)


def ms_ssim(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  """Return the multi-scale structural similarity, over 5 scales.

  MS-SSIM = l_5^w5 prod_s c_s^ws; each scale is the 2x2 mean of the one before,
  whose sides are mirrored to even ones. Terms below 0 count as 0.

  Args:
    x: f32[N, H, W, C] in [-1, 1], H and W >= 176 (11 at the last scale).
    y: the same.

  Returns:
    f32[N] in [0, 1].

  Raises:
    ValueError: the pictures are smaller, or differ in shape.
    core.UserError: TensorFlow is not installed.

  Reference: Wang et al. 2003, "Multi-scale Structural Similarity", eq. 7.
  """
  return _by_tensorflow('ssim_multiscale', x, y, MS_SSIM_SIDE)


def _by_tensorflow(name: str, x, y, smallest: int) -> np.ndarray:
  if x.shape != y.shape or min(x.shape[1:3]) < smallest:
    raise ValueError(
      f'shapes {x.shape} and {y.shape}: they must be equal, with at least '
      f'{smallest} pixels a side'
    )
  require_tensorflow('SSIM', '--metrics without it')
  functions = import_tensorflow().image
  return getattr(functions, name)(x, y, max_val=_RANGE).numpy()
