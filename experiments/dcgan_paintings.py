"""DCGAN for a folder of a few hundred to a few thousand paintings.

The recipe to begin with: DCGAN (Radford, Metz, Chintala 2016, arXiv:1511.06434)
at 64 px, with three changes. G enlarges by repeating pixels and convolving, not
by transposed convolutions: no checkerboards (Odena et al. 2016). What D sees is
moved by up to an eighth (DiffAugment, Zhao et al. 2020, arXiv:2006.10738), so
that D cannot learn a small set by heart. The moving average of G makes the
pictures.

  art_jax train dcgan_paintings --data=/your/paintings

Data: the built-in paintings unless --data names a folder. 30,000 steps of batch
64, 173 GFLOP each: about an hour on a GPU. Expect brushwork after 500 steps,
palettes and composition after 2,000; keep going as long as the samples change.
With a few hundred pictures and a long run let D see less of them:
  --set "algorithm.stabilizers.augment=('color', 'translation', 'cutout')"
which slows the first thousands of steps (docs/gan.md). Larger pictures:
  --set data.size=128 --set algorithm.generator.size=128
Narrower networks, for a CPU, want both rates at 5e-4.
"""

from art_jax import core
from art_jax.algorithms.gan import GAN
from art_jax.algorithms.stabilizers import Stabilizers
from art_jax.data.sources import Builtin
from art_jax.nn.dcgan import DCGANDiscriminator, DCGANGenerator


def experiment() -> core.Experiment:
  """Return the recipe at 64 px, 30,000 steps."""
  return core.Experiment(
    algorithm=GAN(
      generator=DCGANGenerator(upsample='resize'),
      discriminator=DCGANDiscriminator(),
      stabilizers=Stabilizers(ema_decay=0.999, augment=('translation',)),
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
      generator=DCGANGenerator(
        size=32, width=4, latent_size=16, upsample='resize'
      ),
      discriminator=DCGANDiscriminator(width=4),
      stabilizers=Stabilizers(ema_decay=0.999, augment=('translation',)),
    ),
    data=core.Data(source=Builtin(layout='images', count=32), size=32),
    train=core.tiny_train(),
  )
