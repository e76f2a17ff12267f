"""Wasserstein GAN with gradient penalty on paintings at 128 px.

Gulrajani et al. 2017, "Improved Training of Wasserstein GANs",
arXiv:1704.00028, Algorithm 1: penalty 10, five updates of the critic for one of
G, Adam 1e-4 with betas (0, 0.9), batch 64, layer norms in the critic.
# Differs from the paper: the networks are DCGAN's.

  art_jax train wgan_gp_art128 --data=/folder/of/paintings

Data: the built-in paintings unless --data names the folder of the Kaggle set
(best-artworks-of-all-time, 8,027 pictures by 50 artists; sub-folders are fine).
500 epochs of it are 11,900 steps of about 5 TFLOP (the penalty is of second
order): several hours on a GPU. Expect score/real - score/fake to rise fast and
then to fall slowly while the samples improve; no collapse.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.config import experiments
from art_jax.losses.adversarial import Wasserstein

_ADAM = optim.Adam(learning_rate=1e-4, b1=0.0, b2=0.9)
_CHANGES = {
  'algorithm.discriminator.norm': 'layer',
  'algorithm.loss': Wasserstein(penalty_weight=10.0),
  'algorithm.generator_optimizer': _ADAM,
  'algorithm.discriminator_optimizer': _ADAM,
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
