"""Wasserstein GAN on paintings at 128 px, gradients clipped instead.

The document trained the critic several steps for one of G, without a sigmoid,
by RMSProp, and clipped *gradients* after each back-propagation.
# Differs from the paper: Arjovsky et al. 2017, arXiv:1701.07875, Algorithm 1
clips *weights*. Clipped gradients bound no slope of the critic, so its loss is
no distance; the run exists to be compared with `wgan_art128`.

  python -m art_jax.main --experiment=wgan_art128_as_described --data=/paintings

Data: the built-in paintings unless --data names the folder of the Kaggle set
(best-artworks-of-all-time, 8,027 pictures by 50 artists; sub-folders are fine).
500 epochs of it are 11,900 steps of 2.8 TFLOP: some hours on a GPU. Expect a
growing score/real - score/fake, and samples that collapse as the document's.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.gan import GAN
from art_jax.data.sources import Builtin
from art_jax.losses.adversarial import Wasserstein
from art_jax.nn.dcgan import DCGANDiscriminator, DCGANGenerator


def experiment() -> core.Experiment:
  """Return the run of the document."""
  return core.Experiment(
    algorithm=GAN(
      generator=DCGANGenerator(size=128),
      discriminator=DCGANDiscriminator(),
      loss=Wasserstein(),
      generator_optimizer=optim.RMSProp(learning_rate=5e-5),
      discriminator_optimizer=optim.RMSProp(
        learning_rate=5e-5, clip_value=0.01
      ),
      n_critic=5,
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
        learning_rate=5e-5, clip_value=0.01
      ),
      n_critic=2,
      share_latents=False,
    ),
    data=core.Data(source=Builtin(layout='images', count=32), size=32),
    train=core.Train(
      duration=20,
      batch_size=8,
      log_every=5,
      render_every=10,
      checkpoint_every=10,
    ),
  )
