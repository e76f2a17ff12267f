"""Wasserstein GAN on paintings at 128 px, weights clipped as published.

Arjovsky, Chintala, Bottou 2017, arXiv:1701.07875, Algorithm 1: five updates of
the critic for one of G, RMSProp 5e-5, every weight of the critic (norms too)
clipped to [-0.01, 0.01] after each, batch 64; and the authors' schedule of 100
critic updates before each of the first 25 and every 500th update of G.

  art_jax train wgan_art128 --data=/folder/of/paintings

Data: the built-in paintings unless --data names the folder of the Kaggle set
(best-artworks-of-all-time, 8,027 pictures by 50 artists; sub-folders are fine).
A step takes five batches. 500 epochs of it are 11,900 steps of 2.8 TFLOP: some
hours on a GPU. A clipped critic's loss near 0 is normal and no failure: watch
score/real - score/fake fall while the samples improve. Slower than
`wgan_gp_art128`.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.gan import GAN
from art_jax.algorithms.stabilizers import CriticWarmup
from art_jax.data.sources import Builtin
from art_jax.losses.adversarial import Wasserstein
from art_jax.nn.dcgan import DCGANDiscriminator, DCGANGenerator


def experiment() -> core.Experiment:
  """Return the WGAN of the paper at 128 px, 500 epochs."""
  return core.Experiment(
    algorithm=GAN(
      generator=DCGANGenerator(size=128),
      discriminator=DCGANDiscriminator(),
      loss=Wasserstein(),
      generator_optimizer=optim.RMSProp(learning_rate=5e-5),
      discriminator_optimizer=optim.RMSProp(
        learning_rate=5e-5, clip_weights=0.01
      ),
      n_critic=5,
      warmup=CriticWarmup(),
      share_latents=False,
    ),
    data=core.Data(source=Builtin(layout='images', count=2000), size=128),
    train=core.Train(
      duration=core.Epochs(500),
      batch_size=64,
      render_every=core.Epochs(10),
      checkpoint_every=core.Epochs(50),
      render_count=64,
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=GAN(
      generator=DCGANGenerator(size=32, width=4, latent_size=16),
      discriminator=DCGANDiscriminator(width=4),
      loss=Wasserstein(),
      generator_optimizer=optim.RMSProp(learning_rate=5e-5),
      discriminator_optimizer=optim.RMSProp(
        learning_rate=5e-5, clip_weights=0.01
      ),
      n_critic=2,
      warmup=CriticWarmup(steps=4, first=1, every=4),
      share_latents=False,
    ),
    data=core.Data(source=Builtin(layout='images', count=32), size=32),
    train=core.tiny_train(),
  )
