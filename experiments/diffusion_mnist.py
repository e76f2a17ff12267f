"""Diffusion on handwritten digits: the digit asked for, in minutes on a CPU.

Karras et al. 2022 (EDM), arXiv:2206.00364, with a very small network at 32 px,
ten classes and classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598).

  art_jax train diffusion_mnist
  art_jax train diffusion_mnist --set algorithm.guidance=2

On a GPU take a wider network, more of it at every level:

  --set algorithm.denoiser.width=64 --set train.batch_size=256
  --set "train.duration=Epochs(20)"

Data: mnist of TensorFlow Datasets, 60,000 pictures. In the samples each latent
is drawn in every class in turn.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.diffusion import Diffusion
from art_jax.data.sources import Builtin
from art_jax.data.tfds_source import Tfds
from art_jax.nn.diffusion_unet import DiffusionUNet


def experiment() -> core.Experiment:
  """Return the run at 32 px."""
  return core.Experiment(
    algorithm=Diffusion(
      denoiser=DiffusionUNet(
        size=32,
        channels=1,
        width=16,
        multipliers=(1, 2, 3),
        blocks=1,
        attention=(8,),
        dropout=0.0,
        num_classes=10,
      ),
      num_classes=10,
      optimizer=optim.Adam(
        learning_rate=2e-3, b1=0.9, schedule=optim.Warmup(end=core.Steps(100))
      ),
      ema_decay=0.995,
      sampler='dpm_solver_2m',
      num_steps=16,
    ),
    data=core.Data(source=Tfds('mnist'), size=32, channels=1, flip=False),
    train=core.Train(
      duration=core.Steps(3000),
      batch_size=64,
      render_count=50,
      render_every=core.Steps(500),
      checkpoint_every=core.Steps(250),
      evaluate_every=core.Steps(500),
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=Diffusion(
      denoiser=DiffusionUNet(
        size=32,
        channels=1,
        width=8,
        multipliers=(1, 2),
        blocks=1,
        num_classes=5,
      ),
      num_classes=5,
      guidance=1.5,
      num_steps=3,
    ),
    data=core.Data(
      source=Builtin(layout='images', count=32),
      size=32,
      channels=1,
      flip=False,
    ),
    train=core.tiny_train(),
  )
