"""Are the samples good (precision, density), and all there (recall, coverage)?

A ball around each picture, out to its k-th nearest neighbor of the same set,
stands for the set's support.
"""

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.metrics import distances, fid


def precision_recall(
  real: np.ndarray, fake: np.ndarray, k: int = 3
) -> tuple[float, float]:
  """Return the improved precision and recall.

  Precision: the share of samples within the ball of any real picture; recall:
  the share of real pictures within the ball of any sample.

  Args:
    real: f32[N, D].
    fake: f32[M, D].
    k: neighbors; 3 in the paper.

  Returns:
    Both in [0, 1].

  Raises:
    core.UserError: a set has k pictures or fewer.

  Reference: Kynkaanniemi et al. 2019, arXiv:1904.06991, eq. 1 and 2.
  """
  _require_sets(real, fake, k)
  return _share_within(fake, real, k), _share_within(real, fake, k)


def density_coverage(
  real: np.ndarray, fake: np.ndarray, k: int = 5
) -> tuple[float, float]:
  """Return density and coverage, which single outliers do not move.

  Density: the mean number of real balls that a sample lies in, over k (it may
  exceed 1); coverage: the share of real balls with a sample inside.

  Args:
    real: f32[N, D].
    fake: f32[M, D].
    k: neighbors; 5 in the paper's experiments.

  Returns:
    Density >= 0, and coverage in [0, 1].

  Raises:
    core.UserError: a set has k pictures or fewer.

  Reference: Naeem et al. 2020, arXiv:2002.09797, eq. 4 and 5.
  """
  _require_sets(real, fake, k)
  radii_of_real = _radii(real, k)
  inside, nearest = 0, np.full(len(real), np.inf)
  for block in distances.by_blocks(fake, real):
    inside += int((block < radii_of_real).sum())
    nearest = np.minimum(nearest, block.min(axis=0))
  density = inside / (k * len(fake))
  return density, float((nearest < np.asarray(radii_of_real)).mean())


def _share_within(points: np.ndarray, others: np.ndarray, k: int) -> float:
  balls = _radii(others, k)
  blocks = distances.by_blocks(points, others)
  return float(
    np.concatenate([inside(block, balls) for block in blocks]).mean()
  )


def inside(distance: jax.Array | np.ndarray, balls: jax.Array) -> np.ndarray:
  """Return whether points lie in any ball: bool[N] of f32[N, M] and f32[M]."""
  return np.asarray((distance <= balls).any(axis=1))


def radii(square: jax.Array | np.ndarray, k: int) -> jax.Array:
  """Return the k-th smallest distance in each row of f32[N, M], 0 left out."""
  return -jax.lax.top_k(-square, k + 1)[0][:, k]  # the nearest is itself


def _radii(points: np.ndarray, k: int) -> jax.Array:
  """Return the distance of each point to its k-th neighbor, f32[N]."""
  blocks = distances.by_blocks(points, points)
  return jnp.concatenate([radii(block, k) for block in blocks])


def _require_sets(real: np.ndarray, fake: np.ndarray, k: int) -> None:
  fid.require_finite(real)
  fid.require_finite(fake)
  core.require(
    min(len(real), len(fake)) > k,
    f'precision and recall of {len(real)} and {len(fake)} pictures: with '
    f'{k} neighbors each set has at least {k + 1}; give more pictures',
  )
