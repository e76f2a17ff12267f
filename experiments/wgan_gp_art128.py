"""Wasserstein GAN with gradient penalty on paintings at 128 px.

Gulrajani et al. 2017, "Improved Training of Wasserstein GANs",
arXiv:1704.00028, Algorithm 1: penalty 10, five updates of the critic for one of
G, Adam 1e-4 with betas (0, 0.9), batch 64, layer norms in the critic.
# Differs from the paper: the networks are DCGAN's.

  python -m art_jax.main --experiment=wgan_gp_art128 --data=/folder/of/paintings

Data: the built-in paintings unless --data names the folder of the Kaggle set
(best-artworks-of-all-time, 8,027 pictures by 50 artists; sub-folders are fine).
500 epochs of it are 11,900 steps of about 5 TFLOP (the penalty is of second
order): several hours on a GPU. Expect score/real - score/fake to rise fast and
then to fall slowly while the samples improve; no collapse.
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
      discriminator=DCGANDiscriminator(norm='layer'),
      loss=Wasserstein(penalty_weight=10.0),
      generator_optimizer=optim.Adam(learning_rate=1e-4, b1=0.0, b2=0.9),
      discriminator_optimizer=optim.Adam(learning_rate=1e-4, b1=0.0, b2=0.9),
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
      discriminator=DCGANDiscriminator(width=4, norm='layer'),
      loss=Wasserstein(penalty_weight=10.0),
      generator_optimizer=optim.Adam(learning_rate=1e-4, b1=0.0, b2=0.9),
      discriminator_optimizer=optim.Adam(learning_rate=1e-4, b1=0.0, b2=0.9),
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
