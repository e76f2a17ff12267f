"""ACGAN on handwritten digits: the digit asked for.

Odena et al. 2017, arXiv:1610.09585, with a dense layer and transposed
convolutions against 5x5 convolutions with two heads: 64 px, batch 100, Adam
2e-4 with betas (0.5, 0.999), times 0.75 every 10 epochs.

  art_jax train acgan_mnist
  art_jax train acgan_mnist --data=/folder/of/classes

Quick form, 2 to 3 minutes an epoch on 2 CPU cores:

  --set data.size=32 --set algorithm.generator.size=32
  --set algorithm.discriminator.width=32 --set train.batch_size=32
  --set algorithm.generator_optimizer.learning_rate=1e-3
  --set algorithm.discriminator_optimizer.learning_rate=1e-3
  --set algorithm.stabilizers.ema_decay=0.995

Data: mnist of TensorFlow Datasets, --data=mnist.npz, or --set
"data.source=Builtin(layout='images')" for the five built-in genres, in gray. An
epoch is 600 steps. In the samples each latent is drawn as 0, 1, ..., 9 in turn.
accuracy/real is the share of digits that the discriminator names, and
accuracy/fake the share of generated ones: the first should rise within an
epoch, then the second, and both stay near 1.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.acgan import ACGAN
from art_jax.data.sources import Builtin
from art_jax.data.tfds_source import Tfds
from art_jax.nn.acgan import ACGANDiscriminator, ACGANGenerator

_ADAM = optim.Adam(
  learning_rate=2e-4,
  schedule=optim.StepDecay(boundaries=(core.Epochs(10),), gamma=0.75),
)


def experiment() -> core.Experiment:
  """Return ACGAN on MNIST at 64 px, 20 epochs."""
  return core.Experiment(
    algorithm=ACGAN(
      generator=ACGANGenerator(channels=1),
      discriminator=ACGANDiscriminator(num_classes=10),
      generator_optimizer=_ADAM,
      discriminator_optimizer=_ADAM,
    ),
    data=core.Data(source=Tfds('mnist'), size=64, channels=1, flip=False),
    train=core.Train(
      duration=core.Epochs(20), batch_size=100, render_count=100
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=ACGAN(
      generator=ACGANGenerator(size=32, width=4, latent_size=16, channels=1),
      discriminator=ACGANDiscriminator(num_classes=10, width=4),
      generator_optimizer=_ADAM,
      discriminator_optimizer=_ADAM,
    ),
    data=core.Data(
      source=Builtin(layout='images', count=32), size=32, channels=1
    ),
    train=core.tiny_train(),
  )
