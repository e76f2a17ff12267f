"""Wasserstein GAN on paintings at 128 px, gradients clipped instead.

`wgan_art128` as it is sometimes described: RMSProp with *gradients* clipped
after each back-propagation.
# Differs from the paper: Arjovsky et al. 2017, arXiv:1701.07875, Algorithm 1
clips *weights*. Clipped gradients bound no slope of the critic, so its loss is
no distance; the run exists to be compared with `wgan_art128`.

  art_jax train wgan_art128_as_described --data=/paintings

Data: the built-in paintings unless --data names the folder of the Kaggle set
(best-artworks-of-all-time, 8,027 pictures by 50 artists; sub-folders are fine).
500 epochs of it are 11,900 steps of 2.8 TFLOP: some hours on a GPU. Expect a
growing score/real - score/fake, and samples that collapse.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.config import experiments

_CHANGES = {
  'algorithm.discriminator_optimizer': optim.RMSProp(
    learning_rate=5e-5, clip_value=0.01
  ),
  'algorithm.warmup': None,
}


def experiment() -> core.Experiment:
  """Return `wgan_art128` with these changes."""
  base = experiments.load('wgan_art128')
  return experiments.replace(base, _CHANGES)


def tiny() -> core.Experiment:
  """Return the same changes of the tiny form."""
  base = experiments.load('wgan_art128', tiny=True)
  return experiments.replace(base, _CHANGES)
