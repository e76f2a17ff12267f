"""Conditional DCGAN on CIFAR-10: a picture of the class asked for.

Mirza & Osindero 2014, arXiv:1411.1784, with convolutional networks (DCGAN's,
labels as planes), on the pictures enlarged to 64 px.

  art_jax train cdcgan_cifar10
  art_jax train cdcgan_cifar10 --data=builtin

Data: cifar10 of TensorFlow Datasets. 50 epochs of 391 steps: below an hour on a
GPU. In the samples each latent is drawn in every class in turn. Expect classes
apart by color and background (sky, water, road) first, objects later.
"""

from art_jax import core
from art_jax.algorithms.gan import GAN
from art_jax.data.sources import Builtin
from art_jax.data.tfds_source import Tfds
from art_jax.nn.cdcgan import CDCGANDiscriminator, CDCGANGenerator


def experiment() -> core.Experiment:
  """Return the conditional DCGAN on CIFAR-10 at 64 px, 50 epochs."""
  return core.Experiment(
    algorithm=GAN(
      generator=CDCGANGenerator(),
      discriminator=CDCGANDiscriminator(),
      num_classes=10,
    ),
    data=core.Data(source=Tfds('cifar10'), size=64),
    train=core.Train(
      duration=core.Epochs(50), batch_size=128, render_count=100
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=GAN(
      generator=CDCGANGenerator(size=32, width=4, latent_size=16),
      discriminator=CDCGANDiscriminator(width=4),
      num_classes=10,
    ),
    data=core.Data(source=Builtin(layout='images', count=32), size=32),
    train=core.tiny_train(),
  )
