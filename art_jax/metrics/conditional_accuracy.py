"""Do conditional samples show the class that was asked for?"""

import jax
import numpy as np

from art_jax import core
from art_jax.metrics import distances
from art_jax.metrics.fid import check_finite


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
    i64[M].

  Raises:
    core.UserError: there are fewer than k known pictures.
  """
  check_finite(features)
  if len(known) < k:
    raise core.UserError(
      f'the vote of {k} nearest neighbours among {len(known)} pictures: give '
      'more pictures'
    )
  found = []
  for block in distances.by_blocks(features, known):
    nearest = np.asarray(jax.lax.top_k(-block, k)[1])
    votes = labels[nearest]
    counts = np.stack([(votes == c).sum(1) for c in range(labels.max() + 1)], 1)
    found.append(counts.argmax(axis=1))
  return np.concatenate(found)


def accuracy_by_class(
  predicted: np.ndarray, labels: np.ndarray, num_classes: int
) -> np.ndarray:
  """Return the share of hits per class, f64[num_classes]; NaN for unseen."""
  hits = np.bincount(labels[predicted == labels], minlength=num_classes)
  with np.errstate(invalid='ignore'):
    return hits / np.bincount(labels, minlength=num_classes)
