"""Do conditional samples show their class?"""

import jax
import numpy as np
from scipy import stats

from art_jax import core
from art_jax.metrics import distances, fid


def nearest_classes(
  known: np.ndarray, labels: np.ndarray, features: np.ndarray, k: int = 5
) -> np.ndarray:
  """Classify by the vote of the k nearest known pictures.

  A classifier that needs no training: as good as the features are, so read
  its accuracy on samples beside that on held-out pictures.

  Args:
    known: f32[N, D], features of pictures of known class.
    labels: i32[N], their classes, >= 0.
    features: f32[M, D].
    k: voters; of equal counts the smaller label wins.

  Returns:
    i[M], of the type of the labels.

  Raises:
    core.UserError: there are fewer than k known pictures.
  """
  fid.require_finite(features)
  core.require(
    len(known) >= k,
    f'the vote of {k} nearest neighbors among {len(known)} pictures: give '
    'more pictures',
  )
  nearest = [
    np.asarray(jax.lax.top_k(-block, k)[1])
    for block in distances.by_blocks(features, known)
  ]
  return stats.mode(labels[np.concatenate(nearest)], axis=1).mode
