"""DCGAN on the Oxford flowers.

Radford, Metz, Chintala 2016, arXiv:1511.06434, in the form of the PyTorch DCGAN
tutorial, on flowers cut to squares of 64 px.

  art_jax train dcgan_flowers
  art_jax train dcgan_flowers --data=/folder/of/flowers

Data: oxford_flowers102 of TensorFlow Datasets, whose training split has 1,020
pictures. All 8,189 are the folder `jpg` of the authors' archive: pass it with
--data. 200 epochs of it are 12,200 steps: below an hour on a GPU. Expect
flowers by color after 30 epochs and by shape after 200.
"""

from art_jax import core
from art_jax.algorithms.gan import GAN
from art_jax.data.sources import Builtin
from art_jax.data.tfds_source import Tfds
from art_jax.nn.dcgan import DCGANDiscriminator, DCGANGenerator


def experiment() -> core.Experiment:
  """Return DCGAN on flowers at 64 px, 200 epochs."""
  return core.Experiment(
    algorithm=GAN(
      generator=DCGANGenerator(),
      discriminator=DCGANDiscriminator(),
    ),
    data=core.Data(source=Tfds('oxford_flowers102'), size=64),
    train=core.Train(
      duration=core.Epochs(200),
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
    train=core.tiny_train(),
  )
