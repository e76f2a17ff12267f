"""Keeping the colors of the content: pictures in, pictures out, on the host.

Reference: Gatys et al. 2016, "Preserving Color in Neural Artistic Style
Transfer", arXiv:1606.05897.
"""

import numpy as np

from art_jax.media import cielab

# RGB to YIQ (NTSC): brightness and two of color.
_YIQ = np.array([cielab.LUMA, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


def luminance(image: np.ndarray) -> np.ndarray:
  """Return the brightness of f32[..., 3] as gray of three channels."""
  bright = image @ _YIQ[0]
  return np.repeat(bright[..., None], 3, -1).astype(np.float32)


def match_luminance(style: np.ndarray, content: np.ndarray) -> np.ndarray:
  """Return the painting in gray, as bright and as contrasty as the content.

  L' = (s_content / s_style) (L - m_style) + m_content.

  Args:
    style: f32[h, w, 3].
    content: f32[H, W, 3].
  """
  painted, photo = luminance(style), luminance(content)
  scale = photo.std() / max(painted.std(), 1e-6)
  return (scale * (painted - painted.mean()) + photo.mean()).astype(np.float32)


def with_colors_of(image: np.ndarray, content: np.ndarray) -> np.ndarray:
  """Return a picture with the brightness of one and the colors of another.

  Args:
    image: f32[H, W, 3] whose brightness is taken.
    content: the same shape.
  """
  colors = content @ _YIQ.T
  colors[..., 0] = image @ _YIQ[0]
  return (colors @ np.linalg.inv(_YIQ).T).astype(np.float32)


def match_colors(style: np.ndarray, content: np.ndarray) -> np.ndarray:
  """Return the painting with mean and covariance of the content's colors.

  x' = A x + b with A = S_content^1/2 S_style^-1/2 (the paper's form of
  image analogies, by symmetric roots: no axis is preferred).

  Args:
    style: f32[h, w, 3] in [-1, 1].
    content: f32[H, W, 3].

  Returns:
    f32[h, w, 3], clipped to [-1, 1].
  """
  painted, photo = style.reshape(-1, 3), content.reshape(-1, 3)
  transform = _power(_covariance(photo), 0.5) @ _power(
    _covariance(painted), -0.5
  )
  moved = (painted - painted.mean(0)) @ transform.T + photo.mean(0)
  return np.clip(moved, -1, 1).reshape(style.shape).astype(np.float32)


def match_histograms(style: np.ndarray, content: np.ndarray) -> np.ndarray:
  """Return the painting with the content's histogram in every channel.

  The value of rank q among the painting's becomes the content's of rank q.

  Args:
    style: f32[h, w, 3].
    content: f32[H, W, 3].

  Reference: Gatys et al. 2016, arXiv:1606.05897, section 3 (its baseline).
  """
  matched = []
  for painted, photo in zip(
    style.reshape(-1, 3).T, content.reshape(-1, 3).T, strict=True
  ):
    _, inverse, counts = np.unique(
      painted, return_inverse=True, return_counts=True
    )
    ranks = (np.cumsum(counts) - 0.5 * counts) / painted.size
    sought = (np.arange(photo.size) + 0.5) / photo.size
    matched.append(np.interp(ranks, sought, np.sort(photo))[inverse])
  return np.stack(matched, -1).reshape(style.shape).astype(np.float32)


def prepared(style: np.ndarray, content: np.ndarray, kind: str) -> np.ndarray:
  """Return the painting as it is compared with; see `Gatys.colors`."""
  change = {
    'luminance': match_luminance,
    'content': match_colors,
    'histogram': match_histograms,
  }.get(kind)
  return change(style, content) if change else style


def _covariance(pixels: np.ndarray) -> np.ndarray:
  return np.cov(pixels.astype(np.float64), rowvar=False) + 1e-6 * np.eye(3)


def _power(matrix: np.ndarray, exponent: float) -> np.ndarray:
  values, vectors = np.linalg.eigh(matrix)
  return (vectors * np.maximum(values, 1e-12) ** exponent) @ vectors.T
