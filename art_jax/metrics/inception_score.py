"""The inception score: each picture of a clear class, all of many classes."""

import numpy as np
from scipy import special

from art_jax import core


def inception_score(
  logits: np.ndarray, splits: int = 10, seed: int = 2020
) -> tuple[float, float]:
  """Return exp(E KL(p(y|x) || p(y))), its mean and deviation over splits.

  Blind to missing variety within a class, and to anything that ImageNet has
  no class for: paintings score low, real ones too.

  Args:
    logits: f32[N, K] of a classifier; of InceptionV3 for the published score.
    splits: parts of the set, each with its own p(y); 10 in the paper.
    seed: of the order; 2020 gives the parts of torch-fidelity.

  Returns:
    Mean in [1, K], and deviation.

  Raises:
    core.UserError: there are fewer pictures than parts.

  Reference: Salimans et al. 2016, arXiv:1606.03498, section 4.
  """
  core.require(
    len(logits) >= splits,
    f'inception score of {len(logits)} pictures: {splits} splits take at '
    'least as many; give more pictures',
  )
  order = np.random.RandomState(seed).permutation(len(logits))
  log_p = special.log_softmax(np.asarray(logits, np.float64)[order], axis=1)
  count, scores = len(logits), []
  for i in range(splits):
    p = np.exp(log_p[i * count // splits : (i + 1) * count // splits])
    divergence = special.rel_entr(p, p.mean(axis=0)).sum(axis=1)
    scores.append(np.exp(divergence.mean()))
  return float(np.mean(scores)), float(np.std(scores))
