"""Are the samples good (precision, density), and all there (recall, coverage)?

A ball around each picture, out to its k-th nearest neighbour of the same set,
stands for the set's support.
"""

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.metrics import distances
from art_jax.metrics.fid import check_finite


def precision_recall(
  real: np.ndarray, fake: np.ndarray, k: int = 3
) -> tuple[float, float]:
  """Return the improved precision and recall.

  Precision: the share of samples within the ball of any real picture; recall:
  the share of real pictures within the ball of any sample.

  Args:
    real: f32[N, D].
    fake: f32[M, D].
    k: neighbours; 3 in the paper.

  Returns:
    Both in [0, 1].

  Raises:
    core.UserError: a set has k pictures or fewer.

  Reference: Kynkaanniemi et al. 2019, arXiv:1904.06991, eq. 1 and 2.
  """
  _check(real, fake, k)
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
    k: neighbours; 5 in the paper's experiments.

  Returns:
    Density >= 0, and coverage in [0, 1].

  Raises:
    core.UserError: a set has k pictures or fewer.

  Reference: Naeem et al. 2020, arXiv:2002.09797, eq. 4 and 5.
  """
  _check(real, fake, k)
  radii = _radii(real, k)
  inside, nearest = 0, np.full(len(real), np.inf)
  for block in distances.by_blocks(fake, real):
    inside += int((block < radii).sum())
    nearest = np.minimum(nearest, block.min(axis=0))
  density = inside / (k * len(fake))
  return density, float((nearest < np.asarray(radii)).mean())


def _share_within(points: np.ndarray, others: np.ndarray, k: int) -> float:
  radii = _radii(others, k)
  found = [
    np.asarray((block <= radii).any(axis=1))
    for block in distances.by_blocks(points, others)
  ]
  return float(np.concatenate(found).mean())


def _radii(points: np.ndarray, k: int) -> jax.Array:
  """Return the distance of each point to its k-th neighbour, f32[N]."""
  found = [
    -jax.lax.top_k(-block, k + 1)[0][:, k]  # the nearest is the point itself
    for block in distances.by_blocks(points, points)
  ]
  return jnp.concatenate(found)


def _check(real: np.ndarray, fake: np.ndarray, k: int) -> None:
  check_finite(real)
  check_finite(fake)
  if min(len(real), len(fake)) <= k:
    raise core.UserError(
      f'precision and recall of {len(real)} and {len(fake)} pictures: with '
      f'{k} neighbours each set has at least {k + 1}; give more pictures'
    )
