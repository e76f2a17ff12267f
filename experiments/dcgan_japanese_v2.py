"""DCGAN on Japanese art, version 2: smoothed labels and leaky ReLU.

Version 1 (the PyTorch DCGAN tutorial; Radford, Metz, Chintala 2016,
arXiv:1511.06434) with targets smoothed to U(0.7, 1) and U(0, 0.3) and leaky
ReLU in G, 100 epochs.

  art_jax train dcgan_japanese_v2 --data=/japanese/art

Data: the built-in paintings unless --data names a folder. The recipe is for
2,235 pictures (WikiArt, styles of Japanese art): an epoch is 17 steps, the run
1,659 steps of 253 GFLOP: minutes on a GPU. Expect divergence after 500 steps,
blur and checkerboards. Two things are changed at once; the missing cell is
version 3 against this one, and version 1 with --set
algorithm.generator.activation=leaky_relu.
"""

from art_jax import core
from art_jax.config import experiments

_CHANGES = {
  'algorithm.generator.activation': 'leaky_relu',
  'algorithm.stabilizers.real_range': (0.7, 1.0),
  'algorithm.stabilizers.fake_range': (0.0, 0.3),
}


def experiment() -> core.Experiment:
  """Return version 1 with these changes, 100 epochs."""
  base = experiments.load('dcgan_japanese_v1')
  return experiments.replace(
    base, {**_CHANGES, 'train.duration': core.Epochs(100)}
  )


def tiny() -> core.Experiment:
  """Return the same changes of the tiny form."""
  base = experiments.load('dcgan_japanese_v1', tiny=True)
  return experiments.replace(base, _CHANGES)
