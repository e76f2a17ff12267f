"""Diffusion on five genres of painting: the genre asked for.

The recipe of diffusion_paintings (Karras et al. 2022, arXiv:2206.00364), with
classes and classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598).

  python -m art_jax.main --experiment=diffusion_wikiart
  python -m art_jax.main --experiment=diffusion_wikiart --data=/wikiart/by/genre

Data: the built-in paintings, five genres, unless --data names a folder with a
sub-folder for each genre; then set algorithm.num_classes and
algorithm.denoiser.num_classes to their number. For a GPU. In the samples each
latent is drawn in every genre in turn.
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
      denoiser=DiffusionUNet(dropout=0.1, num_classes=5, augment_size=9),
      num_classes=5,
      guidance=1.5,
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
      render_count=50,
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
        num_classes=5,
        augment_size=9,
      ),
      num_steps=3,
      num_classes=5,
      guidance=1.5,
      augment=0.15,
    ),
    data=core.Data(
      source=Builtin(layout='images', count=32), size=32, flip=False
    ),
    train=core.Train(
      duration=20,
      batch_size=8,
      log_every=5,
      render_every=10,
      checkpoint_every=10,
    ),
  )
