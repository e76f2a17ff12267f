"""ACGAN on the ten classes of CIFAR-10.

Odena et al. 2017, arXiv:1610.09585, with the networks of `acgan_mnist` in
color: 64 px (the pictures are enlarged), batch 100, Adam 2e-4 with betas (0.5,
0.999), times 0.75 every 50 epochs.

  art_jax train acgan_cifar10
  art_jax train acgan_cifar10 --data=/folder/of/classes

Data: cifar10 of TensorFlow Datasets, or --set
"data.source=Builtin(layout='images')" for the five built-in genres. An epoch is
500 steps, 200 epochs are 100,000: hours on a GPU. In the samples each latent is
drawn as all ten classes in turn. Expect classes that differ in color and
layout, but hardly an object that one can name: check that accuracy/fake rises
while the samples of a class stay different.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.acgan import ACGAN
from art_jax.data.sources import Builtin
from art_jax.data.tfds_source import Tfds
from art_jax.nn.acgan import ACGANDiscriminator, ACGANGenerator

_ADAM = optim.Adam(
  learning_rate=2e-4,
  schedule=optim.StepDecay(
    boundaries=(core.Epochs(50), core.Epochs(100), core.Epochs(150)),
    gamma=0.75,
  ),
)


def experiment() -> core.Experiment:
  """Return ACGAN on CIFAR-10 at 64 px, 200 epochs."""
  return core.Experiment(
    algorithm=ACGAN(
      generator=ACGANGenerator(),
      discriminator=ACGANDiscriminator(num_classes=10),
      generator_optimizer=_ADAM,
      discriminator_optimizer=_ADAM,
    ),
    data=core.Data(source=Tfds('cifar10'), size=64),
    train=core.Train(
      duration=core.Epochs(200),
      batch_size=100,
      render_count=100,
      render_every=core.Epochs(2),
      checkpoint_every=core.Epochs(5),
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=ACGAN(
      generator=ACGANGenerator(size=32, width=4, latent_size=16),
      discriminator=ACGANDiscriminator(num_classes=10, width=4),
      generator_optimizer=_ADAM,
      discriminator_optimizer=_ADAM,
    ),
    data=core.Data(source=Builtin(layout='images', count=32), size=32),
    train=core.tiny_train(),
  )
