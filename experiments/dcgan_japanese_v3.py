"""DCGAN on Japanese art, version 3: smoothed labels.

Version 1 (the PyTorch DCGAN tutorial; Radford, Metz, Chintala 2016,
arXiv:1511.06434) with targets smoothed to U(0.7, 1) and U(0, 0.3), ReLU in G,
400 epochs: the best of the three.

  art_jax train dcgan_japanese_v3 --data=/japanese/art

Data: the built-in paintings unless --data names a folder. The recipe is for
2,235 pictures (WikiArt, styles of Japanese art): an epoch is 17 steps, the run
6,635 steps of 253 GFLOP: minutes on a GPU. Expect spikes after 6,000 steps, and
structure that is found at two thirds of the run, lost, and found again near the
end: keep more checkpoints with --set
"train.keep_every=Epochs(20)".
"""

from art_jax import core
from art_jax.config import experiments

_CHANGES = {
  'algorithm.stabilizers.real_range': (0.7, 1.0),
  'algorithm.stabilizers.fake_range': (0.0, 0.3),
}


def experiment() -> core.Experiment:
  """Return version 1 with these changes, 400 epochs."""
  base = experiments.load('dcgan_japanese_v1')
  return experiments.replace(
    base, {**_CHANGES, 'train.duration': core.Epochs(400)}
  )


def tiny() -> core.Experiment:
  """Return the same changes of the tiny form."""
  base = experiments.load('dcgan_japanese_v1', tiny=True)
  return experiments.replace(base, _CHANGES)
