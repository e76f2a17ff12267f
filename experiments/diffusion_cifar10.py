"""Diffusion on CIFAR-10: the published EDM configuration.

Karras et al. 2022 (EDM), arXiv:2206.00364: DDPM++ of 55,733,891 parameters,
batch 512, Adam 1e-3, dropout 0.13, non-leaky augmentation 0.12, Heun's method
in 18 steps.

  art_jax train diffusion_cifar10
  art_jax train diffusion_cifar10 --data=builtin

Data: cifar10 of TensorFlow Datasets. The paper trains on 200 million pictures
(390,625 steps), two days on 8 V100, for a published FID of 1.97; expect objects
that one can name after some tens of thousands of steps.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.diffusion import Diffusion
from art_jax.data.sources import Builtin
from art_jax.data.tfds_source import Tfds
from art_jax.nn.diffusion_unet import DiffusionUNet


def experiment() -> core.Experiment:
  """Return the run of the paper."""
  return core.Experiment(
    algorithm=Diffusion(
      denoiser=DiffusionUNet(
        size=32, multipliers=(2, 2, 2), dropout=0.13, augment_size=9
      ),
      # 10 million pictures of warm-up, and an average with a half-life of 0.5
      # million, in batches of 512.
      optimizer=optim.Adam(
        learning_rate=1e-3,
        b1=0.9,
        schedule=optim.Warmup(end=core.Steps(19_531)),
      ),
      augment=0.12,
      ema_decay=0.99929,
    ),
    data=core.Data(source=Tfds('cifar10'), size=32, flip=False),
    train=core.Train(
      duration=core.Steps(390_625),
      batch_size=512,
      render_count=64,
      render_every=core.Steps(5000),
      checkpoint_every=core.Steps(2500),
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=Diffusion(
      denoiser=DiffusionUNet(
        size=32, width=8, multipliers=(1, 2), blocks=1, augment_size=9
      ),
      num_steps=3,
      augment=0.12,
    ),
    data=core.Data(
      source=Builtin(layout='images', count=32), size=32, flip=False
    ),
    train=core.tiny_train(),
  )
