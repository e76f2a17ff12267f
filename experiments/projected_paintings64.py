"""Projected GAN for a folder of paintings at 64 px, on a CPU.

`projected_paintings` (Sauer et al. 2021, arXiv:2111.01007) made fast: a
narrower generator, features of the 64 px themselves instead of 224, batch 8,
translation alone, a shorter moving average, and a discriminator of the pixels
beside those of features, which do not see the finest of them.

  art_jax fetch efficientnet_lite0
  art_jax train projected_paintings64 --data=/your/paintings

Data: the built-in paintings unless --data names a folder. 30,000 steps of batch
8, 12 GFLOP each: one to two hours on one CPU core. Expect palettes after 500
steps, fields, skies and heads under a woven texture after 2,000.
"""

from art_jax import core
from art_jax.algorithms.stabilizers import Stabilizers
from art_jax.config import experiments

_STABILIZERS = Stabilizers(ema_decay=0.995, augment=('translation',))
_CHANGES = {
  'algorithm.generator.size': 64,
  'algorithm.generator.width': 12,
  'algorithm.project_size': 64,
  'algorithm.discriminator.width': 16,
  'algorithm.discriminator.pixel_width': 24,
  'algorithm.stabilizers': _STABILIZERS,
  'data.size': 64,
  'train.batch_size': 8,
  'train.duration': 30000,
}


def experiment() -> core.Experiment:
  """Return `projected_paintings` with these changes."""
  base = experiments.load('projected_paintings')
  return experiments.replace(base, _CHANGES)


def tiny() -> core.Experiment:
  """Return the tiny form with a discriminator of the pixels."""
  base = experiments.load('projected_paintings', tiny=True)
  return experiments.replace(
    base,
    {
      'algorithm.discriminator.pixel_width': 2,
      'algorithm.stabilizers': _STABILIZERS,
    },
  )
