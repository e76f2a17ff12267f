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
  """Mean and covariance of features.

  Attributes:
    mean: f64[D].
    factor: f64[D, rank], L of the unbiased covariance L L^T.
  """

  mean: np.ndarray
  factor: np.ndarray


def statistics(features: np.ndarray) -> Statistics:
  """Return the statistics of features f32[N, D].

  Raises:
    core.UserError: a feature is not finite, or N < 2.
  """
  require_finite(features)
  count = len(features)
  core.require(
    count >= 2,
    f'FID of {count} picture(s): a covariance takes at least 2; give more '
    'pictures',
  )
  rows = np.asarray(features, np.float64)
  mean = rows.mean(axis=0)
  return Statistics(mean, _factor(rows - mean))


def frechet_distance(a: Statistics, b: Statistics) -> float:
  """Return the squared Frechet distance of two Gaussians.

  d^2 = |mu_a - mu_b|^2 + Tr(A + B - 2 (A B)^(1/2)), in float64. With A = L L^T
  and B = M M^T, Tr (A B)^(1/2) is the sum of the singular values of L^T M: no
  root of a product that is nearly singular, and no imaginary part to drop.

  Args:
    a: of one set of pictures.
    b: of another, by features of the same width.

  Reference: Heusel et al. 2017, arXiv:1706.08500, eq. 6.
  """
  shift = a.mean - b.mean
  cross = np.linalg.svd(a.factor.T @ b.factor, compute_uv=False).sum()
  traces = (a.factor**2).sum() + (b.factor**2).sum()
  return float(shift @ shift + traces - 2 * cross)


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
  core.require(
    len(fake) >= 2 * smallest,
    f'FID-infinity of {len(fake)} samples: it takes at least {2 * smallest}; '
    'pass --num with as many',
  )
  rng = np.random.default_rng(seed)
  counts = np.linspace(smallest, len(fake), points).astype(int)
  values = [
    frechet_distance(real, statistics(fake[rng.permutation(len(fake))[:count]]))
    for count in counts
  ]
  return float(np.polyfit(1 / counts, values, 1)[1])


def require_finite(features: np.ndarray) -> None:
  """Raise a UserError that counts the pictures with a NaN or infinity."""
  bad = ~np.isfinite(features).all(axis=1)
  core.require(
    not bad.any(),
    f'{bad.sum()} of {len(features)} pictures have features that are not '
    f'finite, the first is number {bad.argmax()}: the model or the weights '
    'of the features are broken; take another checkpoint',
  )


def _factor(centered: np.ndarray) -> np.ndarray:
  """Return L: f64[D, rank] with covariance = L L^T, of f64[N, D]."""
  count, width = centered.shape
  if count <= width:  # nothing to decompose
    return centered.T / np.sqrt(count - 1)
  covariance = centered.T @ centered / (count - 1)
  with contextlib.suppress(np.linalg.LinAlgError):
    return np.linalg.cholesky(covariance)  # the cheaper one, if regular
  values, vectors = np.linalg.eigh(covariance)
  # What is below is rounding, whose roots would add up.
  kept = values > values[-1] * len(values) * np.finfo(np.float64).eps
  return vectors[:, kept] * np.sqrt(values[kept])
