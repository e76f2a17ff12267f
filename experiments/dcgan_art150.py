"""DCGAN on paintings cut to 150 px.

The "vanilla" convolutional GAN of the document on the Best Artworks of All
Time: Radford, Metz, Chintala 2016, arXiv:1511.06434, with one more layer in
each network, on the centre of each picture.

  python -m art_jax.main --experiment=dcgan_art150 --data=/folder/of/paintings

Data: the built-in paintings unless --data names the folder of the Kaggle set
(best-artworks-of-all-time, 8,027 pictures by 50 artists; sub-folders are fine).
Feature maps of 4, 9, 18, 37, 75 and 150 px. 100 epochs of the Kaggle set are
6,000 steps of about 2 TFLOP: below an hour on a GPU. Expect colours and strokes
of paintings, and textures of the commonest pictures where it collapses.
"""

from art_jax import core
from art_jax.algorithms.gan import GAN
from art_jax.data.sources import Builtin
from art_jax.nn.dcgan import DCGANDiscriminator, DCGANGenerator


def experiment() -> core.Experiment:
  """Return the run of the document."""
  return core.Experiment(
    algorithm=GAN(
      generator=DCGANGenerator(size=150),
      discriminator=DCGANDiscriminator(),
    ),
    data=core.Data(source=Builtin(layout='images', count=2000), size=150),
    train=core.Train(
      duration=core.Epochs(100),
      batch_size=128,
      render_every=core.Epochs(5),
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
