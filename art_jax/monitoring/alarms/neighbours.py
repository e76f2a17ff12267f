"""Samples against the data, as points in a space of features.

The device multiplies (hundreds of points with a thousand), the host does the
small rest in NumPy.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

_NEIGHBOURS = 3  # k of recall (Kynkaanniemi et al. 2019: 3)
# A sample is a copy if it lies as near to a training picture as the nearest
# twentieth of training pictures lie to each other ...
_COPY_QUANTILE = 0.1
# ... and much nearer to that one than to any other: a blurred picture is near
# to all of them. Of well-known ratio tests, 0.8 is Lowe's (2004).
_COPY_RATIO = 0.7


@dataclasses.dataclass(frozen=True, eq=False)
class Products:
  """Inner products of points, which give distances and kernels alike.

  Attributes:
    dots: f32[n, m], x_i . y_j.
    rows: f32[n], x_i . x_i.
    columns: f32[m], y_j . y_j.
    width: D, numbers in a point.
  """

  dots: np.ndarray
  rows: np.ndarray
  columns: np.ndarray
  width: int

  def distances(self) -> np.ndarray:
    """Return Euclidean distances, f32[n, m]."""
    squares = self.rows[:, None] + self.columns - 2 * self.dots
    return np.sqrt(np.maximum(squares, 0))

  def kernel(self) -> np.ndarray:
    """Return the kernel of KID, (x . y / D + 1)^3."""
    base = self.dots / self.width + 1
    return base * base * base


def products(x: jax.Array, y: jax.Array) -> dict[str, jax.Array]:
  """Return the arrays of `Products` of f32[n, D] and f32[m, D]; traceable."""
  return {
    # At the default precision of an accelerator, copies would lie apart.
    'dots': jnp.matmul(x, y.T, precision='highest'),
    'rows': jnp.sum(x * x, axis=1),
    'columns': jnp.sum(y * y, axis=1),
  }


@dataclasses.dataclass(frozen=True, eq=False)
class Reference:
  """Training pictures, and what is known of them beforehand.

  Attributes:
    points: f32[M, D], M >= 2.
    labels: i32[M], or None.
  """

  points: np.ndarray
  labels: np.ndarray | None = None

  @functools.cached_property
  def products(self) -> Products:
    """Of the pictures with each other."""
    found = jax.device_get(jax.jit(products)(self.points, self.points))
    return Products(**found, width=self.points.shape[1])

  @functools.cached_property
  def distances(self) -> np.ndarray:
    """f32[M, M]."""
    return self.products.distances()

  @functools.cached_property
  def spread(self) -> float:
    """Mean distance of two pictures."""
    return mean_distance(self.distances)

  @functools.cached_property
  def near(self) -> float:
    """Distance below which a sample may be a copy."""
    apart = self.distances + np.diag(np.full(len(self.points), np.inf))
    return float(np.quantile(apart.min(axis=1), _COPY_QUANTILE))

  @functools.cached_property
  def kernel_mean(self) -> float:
    """Mean of the KID kernel over two different pictures."""
    return _mean_off_diagonal(self.products.kernel())

  def class_spread(self, label: int) -> float | None:
    """Mean distance of two pictures of a class; None below 2 pictures."""
    rows = np.flatnonzero(self.labels == label)
    if len(rows) < 2:
      return None
    return mean_distance(self.distances[np.ix_(rows, rows)])

  def distinct(self, count: int) -> float:
    """Effective number of distinct pictures among the first `count`."""
    return effective_number(self.distances[:count, :count], self.spread)


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


def kid(own: Products, across: Products, reference: Reference) -> float:
  """Return the unbiased squared kernel distance to the reference.

  MMD^2 with k(x, y) = (x.y / D + 1)^3, over all points at once.

  Args:
    own: of the samples with each other.
    across: of the samples with the reference.
    reference: gives its own part.

  Reference: Binkowski et al. 2018, arXiv:1801.01401, section 4.
  """
  within = _mean_off_diagonal(own.kernel())
  mixed = float(across.kernel().mean(dtype=np.float64))
  return within + reference.kernel_mean - 2 * mixed


def recall(own: np.ndarray, across: np.ndarray) -> float:
  """Return the share of pictures that lie among the samples.

  A picture does if some sample is nearer to it than that sample's third
  nearest sample (Kynkaanniemi et al. 2019, arXiv:1904.06991, eq. 2), out of
  as many pictures as there are samples.

  Args:
    own: f32[N, N], distances of the samples.
    across: f32[N, M], their distances to the reference.
  """
  apart = np.sort(own, axis=1)  # the first is the sample itself
  radius = apart[:, min(_NEIGHBOURS, len(own) - 1)]
  return float((across[:, : len(own)] <= radius[:, None]).any(axis=0).mean())


def memorised(across: np.ndarray, reference: Reference) -> float:
  """Return the share of samples that are copies of training pictures.

  Args:
    across: f32[N, M], distances of samples to the reference.
    reference: gives how near training pictures are to each other.
  """
  first, second = np.partition(across, 1, axis=1)[:, :2].T
  copies = (first <= reference.near) & (first <= _COPY_RATIO * second)
  return float(copies.mean())


def mean_distance(distance: np.ndarray) -> float:
  """Return the mean of f32[n, n] off its diagonal."""
  return _mean_off_diagonal(distance) if len(distance) > 1 else 0.0


def _mean_off_diagonal(square: np.ndarray) -> float:
  n = len(square)
  total = square.sum(dtype=np.float64) - np.trace(square, dtype=np.float64)
  return float(total / (n * (n - 1)))
