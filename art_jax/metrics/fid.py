"""The Frechet distance of two sets of features (FID with Inception features).

The estimate is biased upwards by the number of pictures, by as much as good
models differ (Chong & Forsyth 2020): compare values of one count only, take
`kid` under 5,000 pictures, or extrapolate with `infinity`.
"""

import contextlib
import dataclasses

import numpy as np

from art_jax import core

# Under this many pictures the bias exceeds what is being measured.
MIN_COUNT = 5000


@dataclasses.dataclass(frozen=True, eq=False)
class Statistics:
  """Mean and covariance of features, gathered batch by batch.

  Memory is bounded by D x D numbers. Up to D pictures the features themselves
  are fewer, and their covariance is decomposed much faster; so they are kept.

  Attributes:
    count: number of pictures so far.
    mean: f64[D].
    rows: f64[count, D], the features, while count <= D; then None.
    scatter: f64[D, D], sum of (x - mean)(x - mean)^T; None while there are
      rows.
  """

  count: int
  mean: np.ndarray
  rows: np.ndarray | None
  scatter: np.ndarray | None

  @property
  def covariance(self) -> np.ndarray:
    """f64[D, D], unbiased: divided by count - 1."""
    return _scatter(self) / (self.count - 1)


def update(statistics: Statistics | None, features: np.ndarray) -> Statistics:
  """Return the statistics with one more batch, in constant memory.

  Args:
    statistics: of the batches before; None: this is the first.
    features: f32[N, D].

  Raises:
    core.UserError: a feature is not finite.

  Reference: Chan, Golub & LeVeque 1983 (updating formulas of the variance).
  """
  require_finite(features)
  rows = np.asarray(features, np.float64)
  if statistics is not None and statistics.rows is not None:
    rows, statistics = np.concatenate([statistics.rows, rows]), None
  count, width = rows.shape
  mean = rows.mean(axis=0)
  if statistics is None:
    whole = Statistics(count, mean, rows, None)
    if count <= width:
      return whole
    return Statistics(count, mean, None, _scatter(whole))
  centered = rows - mean
  total = statistics.count + count
  shift = mean - statistics.mean
  between = statistics.count * count / total * np.outer(shift, shift)
  return Statistics(
    total,
    statistics.mean + shift * (count / total),
    None,
    _scatter(statistics) + centered.T @ centered + between,
  )


def _scatter(statistics: Statistics) -> np.ndarray:
  if statistics.scatter is not None:
    return statistics.scatter
  assert statistics.rows is not None
  centered = statistics.rows - statistics.mean
  return centered.T @ centered


def frechet_distance(a: Statistics, b: Statistics) -> float:
  """Return the squared Frechet distance of two Gaussians.

  d^2 = |mu_a - mu_b|^2 + Tr(A + B - 2 (A B)^(1/2)), in float64. With A = L L^T
  and B = M M^T, Tr (A B)^(1/2) is the sum of the singular values of L^T M: no
  root of a product that is nearly singular, and no imaginary part to drop.

  Args:
    a: statistics of at least 2 pictures.
    b: the same, of features of the same width.

  Raises:
    core.UserError: there are fewer pictures.

  Reference: Heusel et al. 2017, arXiv:1706.08500, eq. 6.
  """
  return _distance(a, _factor(a), b, _factor(b))


def infinity(
  real: Statistics,
  fake: np.ndarray,
  points: int = 15,
  smallest: int = MIN_COUNT,
  seed: int = 0,
) -> float:
  """Extrapolate the distance to infinitely many samples.

  FID(N) is nearly linear in 1/N; a line is fitted to `points` values of N
  from `smallest` to all, of random subsets, and read at 1/N = 0.

  Args:
    real: statistics of the real pictures.
    fake: f32[N, D], features of the samples.
    points: 15 in the paper, each with one decomposition of a D x D matrix.
    smallest: 5,000 in the paper (of 50,000 samples).
    seed: of the subsets.

  Raises:
    core.UserError: there are too few samples to fit a line.

  Reference: Chong & Forsyth 2020, arXiv:1911.07023, Algorithm 1.
  """
  if len(fake) < 2 * smallest:
    raise core.UserError(
      f'FID-infinity of {len(fake)} samples: it takes at least {2 * smallest}; '
      'pass --num with as many'
    )
  rng, factor = np.random.default_rng(seed), _factor(real)
  counts = np.linspace(smallest, len(fake), points).astype(int)
  values = []
  for count in counts:
    subset = update(None, fake[rng.permutation(len(fake))[:count]])
    values.append(_distance(real, factor, subset, _factor(subset)))
  return float(np.polyfit(1 / counts, values, 1)[1])


def require_finite(features: np.ndarray) -> None:
  """Raise a UserError that counts the pictures with a NaN or infinity."""
  bad = ~np.isfinite(features).all(axis=1)
  if bad.any():
    raise core.UserError(
      f'{int(bad.sum())} of {len(features)} pictures have features that are '
      f'not finite, the first is number {int(bad.argmax())}: the model or the '
      'weights of the features are broken; take another checkpoint'
    )


def _factor(statistics: Statistics) -> np.ndarray:
  """Return L: f64[D, rank] with covariance = L L^T."""
  if statistics.count < 2:
    raise core.UserError(
      f'FID of {statistics.count} picture(s): a covariance takes at least 2; '
      'give more pictures'
    )
  if statistics.rows is not None:
    centered = statistics.rows - statistics.mean
    return centered.T / np.sqrt(statistics.count - 1)
  covariance = statistics.covariance
  with contextlib.suppress(np.linalg.LinAlgError):
    return np.linalg.cholesky(covariance)  # the cheaper one, if regular
  values, vectors = np.linalg.eigh(covariance)
  # What is below is rounding, whose roots would add up.
  kept = values > values[-1] * len(values) * np.finfo(np.float64).eps
  return vectors[:, kept] * np.sqrt(values[kept])


def _distance(a, factor_a, b, factor_b) -> float:
  shift = a.mean - b.mean
  cross = np.linalg.svd(factor_a.T @ factor_b, compute_uv=False).sum()
  traces = (factor_a**2).sum() + (factor_b**2).sum()
  return float(shift @ shift + traces - 2 * cross)
