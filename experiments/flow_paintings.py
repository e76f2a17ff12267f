"""Rectified flow on a folder of paintings, sized for one core of a CPU.

Diffusion in straight lines (Liu et al. 2022, arXiv:2209.03003; Lipman et al.
2022, arXiv:2210.02747) with the times of Esser et al. 2024 (arXiv:2403.03206)
and the average of Karras et al. 2024 (arXiv:2312.02696), which spans the same
share of a run of any length.

  art_jax train flow_paintings --data=/your/paintings

Data: the built-in paintings unless --data names a folder. 2,914,531 parameters
and 58 GFLOP a step of 16 pictures: 20 pictures a second and 70 minutes of one
core. A narrow network at full resolution learned more in the same time than
wider ones of patches (docs/diffusion.md). The average fits a run of any length,
so it may be stopped when the samples please. With a GPU:
  --set algorithm.denoiser.width=64 --set algorithm.denoiser.blocks=2
  --set train.batch_size=64 --set algorithm.optimizer.learning_rate=3e-4
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.diffusion import Diffusion
from art_jax.algorithms.optim import PowerEMA
from art_jax.data.sources import Builtin
from art_jax.losses.denoising import RectifiedFlow
from art_jax.nn.diffusion_unet import DiffusionUNet


def experiment() -> core.Experiment:
  """Return the run at 64 px."""
  return core.Experiment(
    algorithm=Diffusion(
      denoiser=DiffusionUNet(
        width=16,
        multipliers=(1, 2, 4, 8),
        blocks=1,
        attention=(8,),
        dropout=0.0,
      ),
      preconditioning=RectifiedFlow(),
      optimizer=optim.Adam(
        learning_rate=1e-3, b1=0.9, schedule=optim.Warmup(end=core.Steps(100))
      ),
      ema_decay=PowerEMA(sigma_rel=0.1),
      sampler='dpm_solver_2m',
      num_steps=20,
    ),
    data=core.Data(source=Builtin(layout='images', count=1000), size=64),
    train=core.Train(
      duration=core.Steps(5000),
      batch_size=16,
      render_count=16,
      render_every=core.Steps(500),
      checkpoint_every=core.Steps(500),
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=Diffusion(
      denoiser=DiffusionUNet(
        size=32, width=8, multipliers=(1, 2), blocks=1, patch=2
      ),
      preconditioning=RectifiedFlow(),
      optimizer=optim.Adam(
        learning_rate=2e-4, b1=0.9, schedule=optim.Warmup(end=core.Steps(10))
      ),
      ema_decay=PowerEMA(sigma_rel=0.1),
      num_steps=3,
    ),
    data=core.Data(source=Builtin(layout='images', count=32), size=32),
    train=core.tiny_train(),
  )
