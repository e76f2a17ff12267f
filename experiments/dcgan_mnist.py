"""DCGAN on handwritten digits.

Radford, Metz, Chintala 2016, arXiv:1511.06434, in the form of the PyTorch DCGAN
tutorial: 64 px, latents of 100, batch 128, Adam 2e-4 with beta1 0.5.

  art_jax train dcgan_mnist
  art_jax train dcgan_mnist --data=builtin

Data: mnist of TensorFlow Datasets, 60,000 pictures, resized to 64 px. An epoch
is 469 steps of 248 GFLOP: seconds on a GPU of today, most of an hour on 2 CPU
cores. There, train small networks at 32 px in minutes:

  --set data.size=32 --set algorithm.generator.size=32
  --set algorithm.generator.width=32 --set algorithm.discriminator.width=32
  --set algorithm.generator_optimizer.learning_rate=1e-3
  --set algorithm.discriminator_optimizer.learning_rate=1e-3
  --set algorithm.stabilizers.ema_decay=0.995 --set train.batch_size=32

Expect readable digits after one epoch and all ten after a few.
"""

from art_jax import core
from art_jax.algorithms.gan import GAN
from art_jax.data.sources import Builtin
from art_jax.data.tfds_source import Tfds
from art_jax.nn.dcgan import DCGANDiscriminator, DCGANGenerator


def experiment() -> core.Experiment:
  """Return DCGAN on MNIST at 64 px, 20 epochs."""
  return core.Experiment(
    algorithm=GAN(
      generator=DCGANGenerator(channels=1),
      discriminator=DCGANDiscriminator(),
    ),
    data=core.Data(source=Tfds('mnist'), size=64, channels=1, flip=False),
    train=core.Train(duration=core.Epochs(20), batch_size=128, render_count=64),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=GAN(
      generator=DCGANGenerator(size=32, width=4, latent_size=16, channels=1),
      discriminator=DCGANDiscriminator(width=4),
    ),
    data=core.Data(
      source=Builtin(layout='images', count=32), size=32, channels=1
    ),
    train=core.tiny_train(),
  )
