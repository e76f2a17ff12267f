"""Conditional DCGAN on CIFAR-10: a picture of the class asked for.

Mirza & Osindero 2014, arXiv:1411.1784, with the convolutional networks of the
document (labels as planes), on the pictures enlarged to 64 px.

  python -m art_jax.main --experiment=cdcgan_cifar10
  python -m art_jax.main --experiment=cdcgan_cifar10 --data=builtin

Data: cifar10 of TensorFlow Datasets. 50 epochs of 391 steps: below an hour on a
GPU. In the samples each latent is drawn in every class in turn. Expect classes
apart by colour and background (sky, water, road) first, objects later.
"""

from art_jax import core
from art_jax.algorithms.gan import GAN
from art_jax.data.sources import Builtin
from art_jax.data.tfds_source import Tfds
from art_jax.nn.cdcgan import CDCGANDiscriminator, CDCGANGenerator


def experiment() -> core.Experiment:
  """Return the run of the document."""
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
    train=core.Train(
      duration=20,
      batch_size=8,
      log_every=5,
      render_every=10,
      checkpoint_every=10,
    ),
  )
