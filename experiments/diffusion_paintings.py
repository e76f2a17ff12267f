"""Diffusion on a folder of paintings: the recipe for small sets.

Karras et al. 2022 (EDM), arXiv:2206.00364: the network of its 64 px sets, with
the larger dropout and the non-leaky augmentation that it uses for small ones
(AFHQv2: dropout 0.25, augmentation 0.15).

  art_jax train diffusion_paintings --data=/paintings

Without --data it learns the built-in paintings. 61,805,571 parameters: for a
GPU, with --precision=bfloat16. With a few hundred pictures it memorizes some of
them: compare the samples with their nearest neighbors. On a CPU take 32 px and
a small network:

  --set data.size=32 --set algorithm.denoiser.size=32
  --set algorithm.denoiser.width=32 --set algorithm.denoiser.blocks=1
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.diffusion import Diffusion
from art_jax.data.sources import Builtin
from art_jax.nn.diffusion_unet import DiffusionUNet


def experiment() -> core.Experiment:
  """Return the run at 64 px."""
  return core.Experiment(
    algorithm=Diffusion(
      denoiser=DiffusionUNet(dropout=0.25, augment_size=9),
      optimizer=optim.Adam(
        learning_rate=2e-4, b1=0.9, schedule=optim.Warmup(end=core.Steps(1000))
      ),
      augment=0.15,
      ema_decay=0.9995,
    ),
    data=core.Data(
      source=Builtin(layout='images', count=2000), size=64, flip=False
    ),
    train=core.Train(
      duration=core.Steps(100_000),
      batch_size=64,
      render_count=16,
      render_every=core.Steps(2500),
      checkpoint_every=core.Steps(2500),
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=Diffusion(
      denoiser=DiffusionUNet(
        size=32,
        width=8,
        multipliers=(1, 2),
        blocks=1,
        augment_size=9,
      ),
      optimizer=optim.Adam(
        learning_rate=2e-4, b1=0.9, schedule=optim.Warmup(end=core.Steps(10))
      ),
      augment=0.15,
      num_steps=3,
    ),
    data=core.Data(
      source=Builtin(layout='images', count=32), size=32, flip=False
    ),
    train=core.tiny_train(),
  )
