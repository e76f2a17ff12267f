"""DCGAN on Japanese art, version 2: smoothed labels and leaky ReLU.

Version 1 (the PyTorch DCGAN tutorial; Radford, Metz, Chintala 2016,
arXiv:1511.06434) with targets smoothed to U(0.7, 1) and U(0, 0.3) and leaky
ReLU in G, 100 epochs.

  python -m art_jax.main --experiment=dcgan_japanese_v2 --data=/japanese/art

Data: the built-in paintings unless --data names the document's folder of 2,235
Japanese pictures (WikiArt, styles of Japanese art). An epoch of those is 17
steps, the run 1,659 steps of 292 GFLOP: minutes on a GPU. The document saw
divergence after 500 steps, blur and checkerboards. Two things were changed at
once; the missing cell is version 3 against this one, and version 1 with --set
algorithm.generator.activation=leaky_relu.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.gan import GAN
from art_jax.data.sources import Builtin
from art_jax.nn.dcgan import DCGANDiscriminator, DCGANGenerator


def experiment() -> core.Experiment:
  """Return the run of the document."""
  return core.Experiment(
    algorithm=GAN(
      generator=DCGANGenerator(activation='leaky_relu'),
      discriminator=DCGANDiscriminator(),
      generator_optimizer=optim.Adam(learning_rate=5e-4),
      discriminator_optimizer=optim.Adam(learning_rate=5e-4),
      real_range=(0.7, 1.0),
      fake_range=(0.0, 0.3),
    ),
    data=core.Data(source=Builtin(layout='images', count=2235), size=64),
    train=core.Train(
      duration=core.Epochs(100),
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
      generator=DCGANGenerator(
        size=32, width=4, latent_size=16, activation='leaky_relu'
      ),
      discriminator=DCGANDiscriminator(width=4),
      generator_optimizer=optim.Adam(learning_rate=5e-4),
      discriminator_optimizer=optim.Adam(learning_rate=5e-4),
      real_range=(0.7, 1.0),
      fake_range=(0.0, 0.3),
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
