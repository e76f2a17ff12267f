"""A GAN given several things at once: genre (or artist, year, ...) and palette.

The conditional DCGAN (Mirza & Osindero 2014, arXiv:1411.1784) of
`cdcgan_wikiart` with a row of attributes in the place of the class; the
palette, the mean L*a*b* color, is computed from each picture.

  art_jax train cdcgan_attributes
  art_jax train cdcgan_attributes --data=/paintings \
    --set "algorithm.attributes=(Category(name='artist', count=50), \
    Number(name='year', low=1400, high=2000), Palette())"

Quick form, minutes on 2 CPU cores:

  art_jax train cdcgan_attributes --set data.size=32 \
    --set algorithm.generator.size=32 --set algorithm.generator.width=32 \
    --set algorithm.discriminator.width=32

Data: the built-in paintings with their genre, or a folder with a labels.csv
(columns file, artist, year, ...; an empty cell means not known). The attributes
of the data and those that the algorithm reads must agree; if not, the error
says what to pass. In the samples each picture has the attributes of the
held-out one at the same place in `asked`: same genre, same overall color,
another picture. tools/studies/attributes.py measures how well
(docs/conditional.md).
"""

from art_jax import core
from art_jax.algorithms.attributes import Category, Palette
from art_jax.algorithms.gan import GAN
from art_jax.algorithms.stabilizers import Stabilizers
from art_jax.data.sources import Builtin
from art_jax.nn.cdcgan import CDCGANDiscriminator, CDCGANGenerator


def experiment() -> core.Experiment:
  """Return the run on the built-in pictures."""
  return core.Experiment(
    algorithm=GAN(
      generator=CDCGANGenerator(),
      discriminator=CDCGANDiscriminator(),
      attributes=(Category(name='genre', count=5), Palette()),
      stabilizers=Stabilizers(
        real_range=(0.8, 1.0),
        fake_range=(0.0, 0.2),
        ema_decay=0.999,
      ),
    ),
    data=core.Data(source=Builtin(layout='attributes', count=2000), size=64),
    train=core.Train(
      duration=core.Epochs(200),
      batch_size=64,
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
      attributes=(Category(name='genre', count=5), Palette()),
      stabilizers=Stabilizers(
        real_range=(0.8, 1.0),
        fake_range=(0.0, 0.2),
        ema_decay=0.999,
      ),
    ),
    data=core.Data(source=Builtin(layout='attributes', count=32), size=32),
    train=core.tiny_train(),
  )
