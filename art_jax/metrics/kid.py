"""The kernel distance of two sets of features (KID with Inception features)."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.metrics import distances, fid

SUBSETS = 100
SUBSET_SIZE = 1000
MOST = 10_000  # pictures of a set whose pairs are all in memory
DRAWS = 1000


def kid(
  real: np.ndarray,
  fake: np.ndarray,
  subsets: int = SUBSETS,
  subset_size: int | None = None,
  seed: int = 2020,
) -> tuple[float, float]:
  """Return the unbiased squared MMD, its mean and deviation over subsets.

  MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y), without the pairs x = x', for
  k(x, y) = (x . y / D + 1)^3. It has no bias from the number of pictures, so
  it may come out slightly below 0.

  Args:
    real: f32[N, D].
    fake: f32[M, D].
    subsets: 100 in the paper.
    subset_size: None: 1,000 as in the paper, or half the smaller set if that
      is less (a subset of all would have no deviation).
    seed: of the subsets; with 2020 they are those of torch-fidelity.

  Returns:
    Mean, and deviation of one subset.

  Raises:
    core.UserError: a set is smaller than a subset, or than 4 pictures, or has
      features that are not finite.

  Reference: Binkowski et al. 2018, arXiv:1801.01401, section 4.
  """
  smaller = min(len(real), len(fake))
  if subset_size is None:
    subset_size = min(SUBSET_SIZE, smaller // 2)
  core.require(
    smaller >= max(subset_size, 4),
    f'KID of {len(real)} and {len(fake)} pictures in subsets of '
    f'{subset_size}: each set has at least as many, and at least 4; give '
    'more pictures',
  )
  fid.require_finite(real)
  fid.require_finite(fake)
  rng = np.random.RandomState(seed)

  def draw(rows):
    return jnp.asarray(rows[rng.choice(len(rows), subset_size, replace=False)])

  values = np.asarray(
    [_mmd(draw(real), draw(fake)) for _ in range(subsets)], np.float64
  )
  return float(values.mean()), float(values.std())


def kid_of_all_pairs(
  real: np.ndarray, fake: np.ndarray, draws: int = DRAWS, seed: int = 2020
) -> tuple[float, tuple[float, float]]:
  """Return the unbiased squared MMD over all pairs, and its 95 % interval.

  The interval is that of a bootstrap over both sets: each draw gives every
  picture the number of times that it is drawn, and no picture is paired with
  itself, however often it is drawn (its kernel with itself would add a bias).

  Args:
    real: f32[N, D].
    fake: f32[M, D].
    draws: of the bootstrap.
    seed: of the draws.

  Returns:
    The value, and the quantiles 0.025 and 0.975 of the draws.

  Raises:
    core.UserError: a set has less than 4 pictures or more than 10,000, or
      features that are not finite.

  Reference: Gretton et al. 2012, "A Kernel Two-Sample Test", eq. 3, with the
  kernel of `kid`.
  """
  counts = len(real), len(fake)
  core.require(
    4 <= min(counts) and max(counts) <= MOST,
    f'KID over all pairs of {counts[0]} and {counts[1]} pictures: each set has '
    f'4 to {MOST:,}; give another number of pictures',
  )
  fid.require_finite(real)
  fid.require_finite(fake)
  x, y = real.astype(np.float64), fake.astype(np.float64)
  within_x, within_y, between = _kernel(x, x), _kernel(y, y), _kernel(x, y)
  np.fill_diagonal(within_x, 0)
  np.fill_diagonal(within_y, 0)

  def mmd(of_x, of_y):
    """Return the estimate of pictures that count so many times, f64[draws]."""
    between_sum = np.einsum('bi,bi->b', of_x @ between, of_y)
    return (
      _weighted_mean(within_x, of_x)
      + _weighted_mean(within_y, of_y)
      - 2 * between_sum / (len(x) * len(y))
    )

  rng = np.random.default_rng(seed)
  drawn = (
    rng.multinomial(n, np.full(n, 1 / n), draws).astype(float) for n in counts
  )
  low, high = np.quantile(mmd(*drawn), (0.025, 0.975))
  value = mmd(np.ones((1, len(x))), np.ones((1, len(y))))
  return float(value[0]), (float(low), float(high))


def _weighted_mean(kernel: np.ndarray, weights: np.ndarray) -> np.ndarray:
  """Return the mean over two different rows, f64[B] of [N, N] and [B, N]."""
  total = np.einsum('bi,bi->b', weights @ kernel, weights)
  pairs = weights.sum(axis=1) ** 2 - np.square(weights).sum(axis=1)
  return total / pairs


@jax.jit
def _mmd(x: jax.Array, y: jax.Array) -> jax.Array:
  """Return the unbiased estimate of two sets of one size."""
  return mean_within(x) + mean_within(y) - 2 * mean_between(x, y)


def mean_within(x: jax.Array) -> jax.Array:
  """Return the mean of k - 1 over two different rows of f32[N, D]; f32[]."""
  return distances.mean_off_diagonal(_kernel(x, x))


def mean_between(x: jax.Array, y: jax.Array) -> jax.Array:
  """Return the mean of k - 1 over rows of f32[N, D] and f32[M, D]; f32[]."""
  return _kernel(x, y).mean()


def _kernel(x: Any, y: Any) -> Any:
  """Return k - 1 = (x . y / D + 1)^3 - 1, [N, M]; NumPy or JAX.

  It is small and exact where k itself would be rounded, and in MMD^2 the ones
  cancel.
  """
  with jax.default_matmul_precision('highest'):
    product = x @ y.T / x.shape[1]
  return ((product + 3) * product + 3) * product
