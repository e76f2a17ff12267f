"""Projected GAN for a folder of paintings at 128 px, on a CPU.

`projected_paintings64` at twice the side: discriminators see features of the
128 px themselves, and so of larger parts of a picture.

  art_jax fetch efficientnet_lite0
  art_jax train projected_paintings128 --data=/your/paintings

Data: the built-in paintings unless --data names a folder. A step of batch 8 has
four times the work of one at 64 px.
"""

from art_jax import core
from art_jax.config import experiments

_CHANGES = {
  'algorithm.generator.size': 128,
  'algorithm.project_size': 128,
  'data.size': 128,
}


def experiment() -> core.Experiment:
  """Return `projected_paintings64` with these changes."""
  return experiments.replace(
    experiments.load('projected_paintings64'), _CHANGES
  )


def tiny() -> core.Experiment:
  """Return the tiny form of `projected_paintings64`."""
  return experiments.load('projected_paintings64', tiny=True)
