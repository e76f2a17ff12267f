"""Conditional DCGAN on handwritten digits: the digit asked for.

Mirza & Osindero 2014, arXiv:1411.1784, with convolutional networks (DCGAN's,
labels as planes, leaky ReLU in G), 64 px, batch 128, 20 epochs of Adam 2e-4, a
tenth of it from epoch 11 and a hundredth from epoch 16.

  art_jax train cdcgan_mnist
  art_jax train cdcgan_mnist --data=/folder/of/classes

Data: mnist of TensorFlow Datasets. An epoch is 469 steps: seconds on a GPU of
today. On 2 CPU cores take 32 px, networks of width 32, small batches, a rate to
match, and the average of G (2 minutes an epoch):

  --set data.size=32 --set algorithm.generator.size=32
  --set algorithm.generator.width=32 --set algorithm.discriminator.width=32
  --set algorithm.generator_optimizer.learning_rate=1e-3
  --set algorithm.discriminator_optimizer.learning_rate=1e-3
  --set algorithm.stabilizers.ema_decay=0.995 --set train.batch_size=32

At 2e-4 networks as narrow as these learn one picture for each digit first and
ignore the latent for more than an epoch (docs/conditional.md). In the samples
each latent is drawn as 0, 1, ..., 9 in turn; tools/studies/class_agreement.py
tests whether they show the requested digit.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.gan import GAN
from art_jax.data.sources import Builtin
from art_jax.data.tfds_source import Tfds
from art_jax.nn.cdcgan import CDCGANDiscriminator, CDCGANGenerator


def experiment() -> core.Experiment:
  """Return the conditional DCGAN on MNIST at 64 px, 20 epochs."""
  return core.Experiment(
    algorithm=GAN(
      generator=CDCGANGenerator(channels=1),
      discriminator=CDCGANDiscriminator(),
      num_classes=10,
      generator_optimizer=optim.Adam(
        learning_rate=2e-4,
        schedule=optim.StepDecay(boundaries=(core.Epochs(11), core.Epochs(16))),
      ),
      discriminator_optimizer=optim.Adam(
        learning_rate=2e-4,
        schedule=optim.StepDecay(boundaries=(core.Epochs(11), core.Epochs(16))),
      ),
    ),
    data=core.Data(source=Tfds('mnist'), size=64, channels=1, flip=False),
    train=core.Train(
      duration=core.Epochs(20), batch_size=128, render_count=100
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=GAN(
      generator=CDCGANGenerator(size=32, width=4, latent_size=16, channels=1),
      discriminator=CDCGANDiscriminator(width=4),
      num_classes=10,
    ),
    data=core.Data(
      source=Builtin(layout='images', count=32), size=32, channels=1
    ),
    train=core.tiny_train(),
  )
