"""Conditional DCGAN on five genres of painting.

Mirza & Osindero 2014, arXiv:1411.1784, with convolutional networks (DCGAN's,
labels as planes), on portraits, landscapes, flowers, cityscapes and abstract
pictures of 64 px: batch 100, Adam 2e-4, targets smoothed to U(0.8, 1) and U(0,
0.2).

  art_jax train cdcgan_wikiart
  art_jax train cdcgan_wikiart --data=/wikiart/by/genre

Data: the built-in paintings, five genres, unless --data names a folder with a
sub-folder for each genre; then set algorithm.num_classes to their number, or
choose with --set "data.classes=('portrait', 'landscape')". Five genres of
WikiArt are 51,420 pictures, so 200 epochs are 98,000 steps: a night on a GPU.
Expect 2 classes to come out well and 4 passably. In the samples each latent is
drawn in every genre in turn.
"""

from art_jax import core
from art_jax.algorithms.gan import GAN
from art_jax.algorithms.stabilizers import Stabilizers
from art_jax.data.sources import Builtin
from art_jax.nn.cdcgan import CDCGANDiscriminator, CDCGANGenerator


def experiment() -> core.Experiment:
  """Return the conditional DCGAN on paintings at 64 px, 200 epochs."""
  return core.Experiment(
    algorithm=GAN(
      generator=CDCGANGenerator(),
      discriminator=CDCGANDiscriminator(),
      num_classes=5,
      stabilizers=Stabilizers(real_range=(0.8, 1.0), fake_range=(0.0, 0.2)),
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
    algorithm=GAN(
      generator=CDCGANGenerator(size=32, width=4, latent_size=16),
      discriminator=CDCGANDiscriminator(width=4),
      num_classes=5,
      stabilizers=Stabilizers(real_range=(0.8, 1.0), fake_range=(0.0, 0.2)),
    ),
    data=core.Data(source=Builtin(layout='images', count=32), size=32),
    train=core.tiny_train(),
  )
