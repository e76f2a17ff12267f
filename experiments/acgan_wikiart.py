"""ACGAN on five genres of painting.

Odena et al. 2017, arXiv:1610.09585, with the networks of `acgan_mnist` in
color: 64 px, batch 100, Adam 2e-4 with betas (0.5, 0.999), times 0.75 every 50
epochs. Not of the paper: D sees augmented pictures (Zhao et al. 2020,
arXiv:2006.10738); without that it learns the class of every painting by heart,
and samples have the genre that was asked for less and less often.

  art_jax train acgan_wikiart
  art_jax train acgan_wikiart --data=/wikiart/by/genre

Data: the built-in paintings, five genres, unless --data names a folder with a
sub-folder for each genre; then set algorithm.discriminator.num_classes to their
number, or choose with --set "data.classes=('portrait', 'landscape')". Five
genres of WikiArt are 51,420 pictures, so 200 epochs are 103,000 steps: a night
on a GPU. Expect about 3 genres that one can tell apart, after several hundred
epochs. accuracy/real and accuracy/fake are the shares of paintings and of
samples whose genre the discriminator names; in the samples each latent is drawn
in every genre in turn.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.acgan import ACGAN
from art_jax.algorithms.stabilizers import Stabilizers
from art_jax.data.sources import Builtin
from art_jax.nn.acgan import ACGANDiscriminator, ACGANGenerator

_ADAM = optim.Adam(
  learning_rate=2e-4,
  schedule=optim.StepDecay(
    boundaries=(core.Epochs(50), core.Epochs(100), core.Epochs(150)),
    gamma=0.75,
  ),
)


def experiment() -> core.Experiment:
  """Return ACGAN on paintings at 64 px, 200 epochs."""
  return core.Experiment(
    algorithm=ACGAN(
      generator=ACGANGenerator(),
      discriminator=ACGANDiscriminator(num_classes=5),
      generator_optimizer=_ADAM,
      discriminator_optimizer=_ADAM,
      stabilizers=Stabilizers(augment=('color', 'translation', 'cutout')),
    ),
    data=core.Data(source=Builtin(layout='images', count=2000), size=64),
    train=core.Train(
      duration=core.Epochs(200),
      batch_size=100,
      render_count=50,
      render_every=core.Epochs(5),
      checkpoint_every=core.Epochs(10),
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=ACGAN(
      generator=ACGANGenerator(size=32, width=4, latent_size=16),
      discriminator=ACGANDiscriminator(num_classes=5, width=4),
      generator_optimizer=_ADAM,
      discriminator_optimizer=_ADAM,
    ),
    data=core.Data(source=Builtin(layout='images', count=32), size=32),
    train=core.tiny_train(),
  )
