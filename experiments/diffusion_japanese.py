"""Diffusion on Japanese art: stabler than the three DCGANs before it.

DDPM (Ho et al. 2020, arXiv:2006.11239) predicting v on the cosine schedule
(Nichol & Dhariwal 2021, arXiv:2102.09672), at 64 px with batch 128, as
`dcgan_japanese_v1` to `_v3`.

  art_jax train diffusion_japanese --data=/japanese/art

Data: the built-in paintings unless --data names a folder; the recipe is for
some 2,235 pictures, of which an epoch is 17 steps. The sampler is the
deterministic one of DDIM, Euler's method on the noise levels of the cosine
schedule's range.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.diffusion import Diffusion
from art_jax.data.sources import Builtin
from art_jax.losses.denoising import Cosine
from art_jax.nn.diffusion_unet import DiffusionUNet


def experiment() -> core.Experiment:
  """Return the run at 64 px."""
  return core.Experiment(
    algorithm=Diffusion(
      denoiser=DiffusionUNet(dropout=0.1),
      preconditioning=Cosine(prediction='v'),
      optimizer=optim.Adam(
        learning_rate=2e-4, b1=0.9, schedule=optim.Warmup(end=core.Steps(1000))
      ),
      ema_decay=0.9995,
      sampler='euler',
      num_steps=50,
    ),
    data=core.Data(source=Builtin(layout='images', count=2235), size=64),
    train=core.Train(
      duration=core.Steps(50_000),
      batch_size=128,
      render_count=16,
      render_every=core.Steps(2500),
      checkpoint_every=core.Steps(2500),
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=Diffusion(
      denoiser=DiffusionUNet(size=32, width=8, multipliers=(1, 2), blocks=1),
      num_steps=3,
      preconditioning=Cosine(prediction='v'),
      sampler='euler',
    ),
    data=core.Data(
      source=Builtin(layout='images', count=32), size=32, flip=False
    ),
    train=core.tiny_train(),
  )
