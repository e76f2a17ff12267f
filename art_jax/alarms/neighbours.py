"""Samples against the data, as points in a space of features: NumPy only.

Everything here is small (hundreds of points against a thousand), done on the
host while the device goes on, and named with the features in the rows.
"""

import dataclasses
import functools

import numpy as np

_NEIGHBOURS = 3  # k of recall (Kynkaanniemi et al. 2019: 3)
# A sample is a copy if it lies as near to a training picture as the nearest
# twentieth of training pictures lie to each other ...
_COPY_QUANTILE = 0.05
# ... and much nearer to that one than to any other: a blurred picture is near
# to all of them. Of well-known ratio tests, 0.8 is Lowe's (2004).
_COPY_RATIO = 0.6


@dataclasses.dataclass(frozen=True, eq=False)
class Reference:
  """Features of training pictures, and what is known of them beforehand.

  Attributes:
    points: f32[M, D], M >= 2.
    labels: i32[M], or None.
  """

  points: np.ndarray
  labels: np.ndarray | None = None

  @functools.cached_property
  def distances(self) -> np.ndarray:
    """f32[M, M] with infinity on the diagonal."""
    found = distances(self.points, self.points)
    np.fill_diagonal(found, np.inf)
    return found

  @functools.cached_property
  def spread(self) -> float:
    """Mean distance of two pictures."""
    return _mean_distance(self.distances)

  @functools.cached_property
  def near(self) -> float:
    """Distance below which a sample may be a copy."""
    nearest = self.distances.min(axis=1)
    return float(np.quantile(nearest, _COPY_QUANTILE))

  @functools.cached_property
  def kernel_mean(self) -> float:
    """Mean of the KID kernel over two different pictures."""
    return _mean_off_diagonal(_kernel(self.points, self.points))

  def class_spread(self, label: int) -> float | None:
    """Mean distance of two pictures of a class; None below 2 pictures."""
    rows = np.flatnonzero(self.labels == label)
    if len(rows) < 2:
      return None
    return _mean_distance(self.distances[np.ix_(rows, rows)])

  def distinct(self, count: int) -> float:
    """Effective number of distinct pictures among the first `count`."""
    rows = slice(0, count)
    return effective_number(self.distances[rows, rows], self.spread)


def distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  """Return Euclidean distances f32[N, M] of f32[N, D] and f32[M, D]."""
  squares = np.sum(x * x, 1)[:, None] + np.sum(y * y, 1) - 2 * x @ y.T
  return np.sqrt(np.maximum(squares, 0))


def diversity(points: np.ndarray, spread: float) -> float:
  """Return the mean distance of two samples, relative to the data's."""
  return _mean_distance(distances(points, points)) / max(spread, 1e-12)


def effective_number(distance: np.ndarray, spread: float) -> float:
  """Return the effective number of distinct pictures.

  exp(-sum_i l_i log l_i) with l_i the eigenvalues of K / n and K = exp(-(2 d /
  spread)^2), which is 1 for n copies and nearly n for n strangers.

  Args:
    distance: f32[n, n]; the diagonal is taken to be 0.
    spread: mean distance of two pictures of the data.

  Reference: Friedman & Dieng 2023, "The Vendi Score", arXiv:2210.02410, eq. 1.
  """
  kernel = np.exp(-np.square(2 * distance.astype(np.float64) / spread))
  np.fill_diagonal(kernel, 1.0)
  values = np.linalg.eigvalsh(kernel / len(kernel))
  values = values[values > 1e-12]
  return float(np.exp(-np.sum(values * np.log(values))))


def kid(points: np.ndarray, reference: Reference) -> float:
  """Return the unbiased squared kernel distance to the reference.

  MMD^2 with k(x, y) = (x.y / D + 1)^3, over all points at once.

  Reference: Binkowski et al. 2018, arXiv:1801.01401, section 4.
  """
  within = _mean_off_diagonal(_kernel(points, points))
  across = float(_kernel(points, reference.points).mean(dtype=np.float64))
  return within + reference.kernel_mean - 2 * across


def recall(points: np.ndarray, reference: Reference) -> float:
  """Return the share of pictures that lie among the samples.

  A picture does if some sample is nearer to it than that sample's third
  nearest sample (Kynkaanniemi et al. 2019, arXiv:1904.06991, eq. 2), out of
  as many pictures as there are samples.
  """
  own = distances(points, points)
  np.fill_diagonal(own, np.inf)
  radius = np.partition(own, _NEIGHBOURS - 1, axis=1)[:, _NEIGHBOURS - 1]
  pictures = reference.points[: len(points)]
  return float((distances(pictures, points) <= radius).any(axis=1).mean())


def memorised(distance: np.ndarray, reference: Reference) -> float:
  """Return the share of samples that are copies of training pictures.

  Args:
    distance: f32[N, M] of samples to the reference.
    reference: gives how near training pictures are to each other.
  """
  first, second = np.partition(distance, 1, axis=1)[:, :2].T
  copies = (first <= reference.near) & (first <= _COPY_RATIO * second)
  return float(copies.mean())


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  return (x @ y.T / x.shape[1] + 1) ** 3


def _mean_off_diagonal(square: np.ndarray) -> float:
  n = len(square)
  total = square.sum(dtype=np.float64) - np.trace(square, dtype=np.float64)
  return float(total / (n * (n - 1)))


def _mean_distance(distance: np.ndarray) -> float:
  """Return the mean of d[n, n] off its diagonal."""
  n = len(distance)
  other = ~np.eye(n, dtype=bool)
  return float(distance[other].mean(dtype=np.float64)) if n > 1 else 0.0
