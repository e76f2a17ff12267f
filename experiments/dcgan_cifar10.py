"""DCGAN on CIFAR-10.

Radford, Metz, Chintala 2016, arXiv:1511.06434, in the form of the PyTorch DCGAN
tutorial, on the 50,000 training pictures enlarged to 64 px.

  art_jax train dcgan_cifar10
  art_jax train dcgan_cifar10 --data=builtin

Data: cifar10 of TensorFlow Datasets. 50 epochs of 391 steps of 253 GFLOP: below
an hour on a GPU. Expect objects by color and rough shape after 20 epochs;
without labels it favors some classes (a published FID of 48 at 32 px).
"""

from art_jax import core
from art_jax.algorithms.gan import GAN
from art_jax.data.sources import Builtin
from art_jax.data.tfds_source import Tfds
from art_jax.nn.dcgan import DCGANDiscriminator, DCGANGenerator


def experiment() -> core.Experiment:
  """Return DCGAN on CIFAR-10 at 64 px, 50 epochs."""
  return core.Experiment(
    algorithm=GAN(
      generator=DCGANGenerator(),
      discriminator=DCGANDiscriminator(),
    ),
    data=core.Data(source=Tfds('cifar10'), size=64),
    train=core.Train(duration=core.Epochs(50), batch_size=128, render_count=64),
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
