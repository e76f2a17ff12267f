"""FID that counts copies of training pictures against a model (MiFID)."""

import numpy as np

from art_jax.metrics import fid

# Distances from this on are those of a model that copies nothing. It is the
# one of the competitions of Kaggle, for Inception features.
THRESHOLD = 0.1
_SMALLEST = 1e-14  # distance; 0 would divide by zero
_BLOCK = 1024


def mifid(
  real: np.ndarray, fake: np.ndarray, threshold: float = THRESHOLD
) -> float:
  """Return FID divided by the memorization distance, where that is small.

  Args:
    real: f32[N, D], features of the training pictures.
    fake: f32[M, D], of the samples.
    threshold: a distance of at least this divides by 1.

  Reference: Bai et al. 2021, arXiv:2106.03062, section 4.2.
  """
  value = fid.frechet_distance(fid.statistics(real), fid.statistics(fake))
  distance = memorization_distance(real, fake)
  return value / (max(distance, _SMALLEST) if distance < threshold else 1.0)


def memorization_distance(real: np.ndarray, fake: np.ndarray) -> float:
  """Return the mean cosine distance of a sample to the nearest real picture.

  It is 1 - |cos|, in [0, 1]; 0 is a copy.

  Args:
    real: f32[N, D].
    fake: f32[M, D].
  """
  a, b = _unit(real), _unit(fake)
  nearest = [
    (1 - np.abs(b[first : first + _BLOCK] @ a.T)).min(axis=1)
    for first in range(0, len(b), _BLOCK)
  ]
  return float(np.clip(np.concatenate(nearest), 0, 1).mean())


def _unit(rows: np.ndarray) -> np.ndarray:
  """Return rows of length 1; rows of zeros, which have no angle, are left out.

  A set of nothing else keeps one.
  """
  rows = np.asarray(rows, np.float64)
  length = np.linalg.norm(rows, axis=1, keepdims=True)
  kept = length[:, 0] > 0
  return rows[kept] / length[kept] if kept.any() else rows[:1]
