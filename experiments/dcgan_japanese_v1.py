"""DCGAN on Japanese art, version 1: the plain recipe.

The five layers of the PyTorch DCGAN tutorial (Radford, Metz, Chintala 2016,
arXiv:1511.06434) at 64 px, batch 128, Adam 5e-4 with beta1 0.5, 300 epochs.

  art_jax train dcgan_japanese_v1 --data=/japanese/art

Data: the built-in paintings unless --data names a folder. The recipe is for
2,235 pictures (WikiArt, styles of Japanese art): an epoch is 17 steps, the run
4,976 steps of 253 GFLOP: minutes on a GPU. With so high a rate on so few
pictures expect losses that diverge after 2,000 steps and spikes after 2,500.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.gan import GAN
from art_jax.data.sources import Builtin
from art_jax.nn.dcgan import DCGANDiscriminator, DCGANGenerator


def experiment() -> core.Experiment:
  """Return DCGAN at 64 px with Adam 5e-4, 300 epochs."""
  return core.Experiment(
    algorithm=GAN(
      generator=DCGANGenerator(),
      discriminator=DCGANDiscriminator(),
      generator_optimizer=optim.Adam(learning_rate=5e-4),
      discriminator_optimizer=optim.Adam(learning_rate=5e-4),
    ),
    data=core.Data(source=Builtin(layout='images', count=2235), size=64),
    train=core.Train(
      duration=core.Epochs(300),
      batch_size=128,
      render_every=core.Epochs(10),
      checkpoint_every=core.Epochs(10),
      render_count=64,
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=GAN(
      generator=DCGANGenerator(size=32, width=4, latent_size=16),
      discriminator=DCGANDiscriminator(width=4),
      generator_optimizer=optim.Adam(learning_rate=5e-4),
      discriminator_optimizer=optim.Adam(learning_rate=5e-4),
    ),
    data=core.Data(source=Builtin(layout='images', count=32), size=32),
    train=core.tiny_train(),
  )
