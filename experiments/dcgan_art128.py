"""DCGAN on paintings at 128 px.

Radford, Metz, Chintala 2016, arXiv:1511.06434, in the form of the PyTorch DCGAN
tutorial plus one more layer in G and in D: latents of 100, cross entropy, Adam
2e-4.

  art_jax train dcgan_art128 --data=/folder/of/paintings

Data: the built-in paintings unless --data names the folder of the Kaggle set
(best-artworks-of-all-time, 8,027 pictures by 50 artists; sub-folders are fine).
100 epochs of it are 6,000 steps of 1.4 TFLOP: below an hour on a GPU. Mode
collapse is common, with D's loss going to 0: watch loss/real, loss/fake and the
samples. `dcgan_paintings` is the recipe to prefer.
"""

from art_jax import core
from art_jax.algorithms.gan import GAN
from art_jax.data.sources import Builtin
from art_jax.nn.dcgan import DCGANDiscriminator, DCGANGenerator


def experiment() -> core.Experiment:
  """Return DCGAN at 128 px, 100 epochs."""
  return core.Experiment(
    algorithm=GAN(
      generator=DCGANGenerator(size=128),
      discriminator=DCGANDiscriminator(),
    ),
    data=core.Data(source=Builtin(layout='images', count=2000), size=128),
    train=core.Train(
      duration=core.Epochs(100),
      batch_size=128,
      render_every=core.Epochs(5),
      checkpoint_every=core.Epochs(10),
      render_count=64,
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=GAN(
      generator=DCGANGenerator(size=32, width=4, latent_size=16),
      discriminator=DCGANDiscriminator(width=4),
    ),
    data=core.Data(source=Builtin(layout='images', count=32), size=32),
    train=core.tiny_train(),
  )
