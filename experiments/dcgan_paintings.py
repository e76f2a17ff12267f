"""DCGAN for a folder of a few hundred to a few thousand paintings.

The recipe to begin with: DCGAN (Radford, Metz, Chintala 2016, arXiv:1511.06434)
at 64 px with differentiable augmentation of all that D sees (Zhao et al. 2020,
arXiv:2006.10738: colour, translation, cutout), so that D cannot learn a small
set by heart, and pictures made by the moving average of G.

  python -m art_jax.main --experiment=dcgan_paintings --data=/your/paintings

Data: the built-in paintings unless --data names a folder. 30,000 steps of batch
64, 146 GFLOP each: about an hour on a GPU. Expect palettes and composition
after 2,000 steps; keep going as long as the samples change. Larger pictures:
--set data.size=128 --set algorithm.generator.size=128.
"""

from art_jax import core
from art_jax.algorithms.gan import GAN
from art_jax.data.sources import Builtin
from art_jax.nn.dcgan import DCGANDiscriminator, DCGANGenerator


def experiment() -> core.Experiment:
  """Return the run of the document."""
  return core.Experiment(
    algorithm=GAN(
      generator=DCGANGenerator(),
      discriminator=DCGANDiscriminator(),
      ema_decay=0.999,
      augment=('colour', 'translation', 'cutout'),
    ),
    data=core.Data(source=Builtin(layout='images', count=1000), size=64),
    train=core.Train(
      duration=30000,
      batch_size=64,
      render_every=500,
      checkpoint_every=1000,
      render_count=64,
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=GAN(
      generator=DCGANGenerator(size=32, width=4, latent_size=16),
      discriminator=DCGANDiscriminator(width=4),
      ema_decay=0.999,
      augment=('colour', 'translation', 'cutout'),
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
