"""The kernel distance of two sets of features (KID with Inception features)."""

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.metrics import distances, fid

SUBSETS = 100
SUBSET_SIZE = 1000


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


def _kernel(x: jax.Array, y: jax.Array) -> jax.Array:
  """Return k - 1 = (x . y / D + 1)^3 - 1, f32[N, M].

  It is small and exact where k itself would be rounded, and in MMD^2 the ones
  cancel.
  """
  product = jnp.matmul(x, y.T, precision='highest') / x.shape[1]
  return ((product + 3) * product + 3) * product
