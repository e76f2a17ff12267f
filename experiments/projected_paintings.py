"""Projected GAN for a few hundred paintings or more, at 256 px.

Sauer, Chitta, Mueller, Geiger 2021, "Projected GANs Converge Faster",
arXiv:2111.01007, with the light generator of FastGAN (Liu et al. 2021,
arXiv:2101.04775): discriminators of four scales judge features that
EfficientNet-Lite0 has learned on ImageNet; color, translation and cutout of all
that they see; hinge loss; Adam 2e-4 with betas (0, 0.99); batch 64; the moving
average of G has a half-life of 350 steps (the authors': 313).

  art_jax fetch efficientnet_lite0
  art_jax train projected_paintings --data=/your/paintings

Data: the built-in paintings unless --data names a folder. 15,000 steps of batch
64: hours on a GPU. Expect palettes after hundreds of steps, motifs after
thousands. For a CPU: projected_paintings64 and projected_paintings128. Other
sizes (64 to 1,024 px), here the largest that the authors show:
  --set data.size=1024 --set algorithm.generator.size=1024
Classes: --set algorithm.num_classes=K with a folder of K folders.
"""

from art_jax import core
from art_jax.algorithms.projected_gan import ProjectedGAN
from art_jax.data.sources import Builtin
from art_jax.nn.efficientnet_lite import EfficientNetLite0
from art_jax.nn.fastgan import FastGANGenerator
from art_jax.nn.projected import ProjectedDiscriminator, Projection


def experiment() -> core.Experiment:
  """Return the published recipe at 256 px, 15,000 steps."""
  return core.Experiment(
    algorithm=ProjectedGAN(project_size=256),
    data=core.Data(source=Builtin(layout='images', count=1000), size=256),
    train=core.Train(
      duration=15000,
      batch_size=64,
      render_every=500,
      checkpoint_every=1000,
      render_count=64,
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes with random features: it needs no weights."""
  return core.Experiment(
    algorithm=ProjectedGAN(
      generator=FastGANGenerator(size=64, width=2, latent_size=16),
      features=EfficientNetLite0(width=0.125, depth=1),
      weights='',
      projection=Projection(features=4),
      project_size=32,
      discriminator=ProjectedDiscriminator(width=2),
    ),
    data=core.Data(source=Builtin(layout='images', count=32), size=64),
    train=core.tiny_train(),
  )
