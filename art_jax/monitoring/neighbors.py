"""Samples against the data, as points in a space of features.

Distances and kernels are those of `art_jax.metrics`; here is what a probe says
of them.
"""

import dataclasses
import functools
from collections.abc import Iterator

import jax
import numpy as np

from art_jax.metrics import kid as kernels
from art_jax.metrics import precision_recall
from art_jax.metrics.distances import mean_off_diagonal, pairwise

_NEIGHBORS = 3  # k of recall (Kynkaanniemi et al. 2019: 3)
# A sample is a copy if it lies as near to a training picture as the nearest
# tenth of training pictures lie to each other ...
_COPY_QUANTILE = 0.1
# ... and much nearer to that one than to any other: a blurred picture is near
# to all of them. Of well-known ratio tests, 0.8 is Lowe's (2004).
_COPY_RATIO = 0.7


def compare(
  points: jax.Array, mirrored: jax.Array, reference: jax.Array
) -> dict[str, jax.Array]:
  """Compare samples with each other and with the reference; traceable.

  Args:
    points: f32[N, D] of the samples.
    mirrored: f32[N, D] of the same, left and right exchanged.
    reference: f32[M, D].

  Returns:
    Distances own f32[N, N], across f32[N, M] and mirrored f32[N, M]; within and
    between, f32[]: the means of the KID kernel less 1.
  """
  return {
    'own': pairwise(points, points),
    'across': pairwise(points, reference),
    'mirrored': pairwise(mirrored, reference),
    'within': kernels.mean_within(points),
    'between': kernels.mean_between(points, reference),
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
  def distances(self) -> np.ndarray:
    """f32[M, M]."""
    return np.asarray(pairwise(self.points, self.points))

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
  def within(self) -> float:
    """Mean of the KID kernel, less 1, over two different pictures."""
    return float(jax.jit(kernels.mean_within)(self.points))

  def class_spread(self, label: int) -> float | None:
    """Mean distance of two pictures of a class; None if there are no two."""
    rows = np.flatnonzero(self.labels == label)
    return (
      None
      if len(rows) < 2
      else mean_distance(self.distances[np.ix_(rows, rows)]) or None
    )

  def distinct(self, count: int) -> float:
    """Effective number of distinct pictures among `count` of them."""
    # They lie class by class: the first ones would be of one class.
    last, count = len(self.points) - 1, min(count, len(self.points))
    rows = np.linspace(0, last, count).astype(int)
    return effective_number(self.distances[np.ix_(rows, rows)], self.spread)


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


def recall(own: np.ndarray, across: np.ndarray) -> float:
  """Return the share of pictures that lie among the samples.

  See `metrics.precision_recall`.

  Args:
    own: f32[N, N], distances of the samples.
    across: f32[N, M], their distances to the reference.
  """
  radii = precision_recall.radii(own, min(_NEIGHBORS, len(own) - 1))
  return float(precision_recall.inside(across.T, radii).mean())


def memorized(across: np.ndarray, reference: Reference) -> float:
  """Return the share of samples that are copies of training pictures.

  Args:
    across: f32[N, M], distances of samples to the reference.
    reference: gives how near training pictures are to each other.
  """
  first, second = np.partition(across, 1, axis=1)[:, :2].T
  copies = (first <= reference.near) & (first <= _COPY_RATIO * second)
  return float(copies.mean())


def class_diversity(
  own: np.ndarray, labels: np.ndarray | None, reference: Reference
) -> Iterator[tuple[int, float]]:
  """Yield each class and how far apart its samples lie, relative to the data's.

  Args:
    own: f32[N, N], distances of the samples.
    labels: i32[N]; None, or f32[N, W] of attributes: there are no classes.
    reference: gives the spread of the pictures of a class.
  """
  if labels is None or labels.ndim != 1:
    return
  for label in np.unique(labels):
    usual = reference.class_spread(label)
    if usual is not None:
      rows = np.flatnonzero(labels == label)
      yield int(label), mean_distance(own[np.ix_(rows, rows)]) / usual


def mean_distance(distance: np.ndarray) -> float:
  """Return the mean of f32[n, n] off its diagonal; 0 for one point."""
  whole = distance.astype(np.float64)
  return float(mean_off_diagonal(whole)) if len(whole) > 1 else 0.0
