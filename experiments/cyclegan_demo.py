"""CycleGAN in minutes on a laptop: built-in photographs <-> paintings.

The networks of Zhu et al. 2017, arXiv:1703.10593, made small, on procedural
pictures of 64 px that need no download. tools/demo.sh runs it.

  python -m art_jax.main --experiment=cyclegan_demo --devices=1

Domain a are photos, b paintings, of other scenes: no pair is ever seen. About
3 minutes on 2 CPU cores. Expect the painter's warm colours and strokes in one
direction, cool smooth light in the other.
"""

from art_jax import core, optim
from art_jax.algorithms.cyclegan import CycleGAN
from art_jax.data.sources import Builtin
from art_jax.nn.patchgan import PatchGAN
from art_jax.nn.resnet_generator import ResnetGenerator


def experiment() -> core.Experiment:
  """Return the run of demo.sh."""
  adam = optim.Adam(
    learning_rate=1e-3,
    schedule=optim.LinearDecay(start=core.Steps(600), end=core.Steps(1200)),
  )
  return core.Experiment(
    algorithm=CycleGAN(
      generator=ResnetGenerator(width=16, blocks=3, upsample='resize'),
      discriminator=PatchGAN(width=32, layers=2),
      generator_optimizer=adam,
      discriminator_optimizer=adam,
    ),
    data=core.Data(source=Builtin(count=400), size=64, load_size=68),
    train=core.Train(
      duration=1200,
      batch_size=1,
      log_every=25,
      render_every=200,
      checkpoint_every=300,
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=CycleGAN(
      generator=ResnetGenerator(width=8, blocks=1, upsample='resize'),
      discriminator=PatchGAN(width=8, layers=2),
      pool_size=12,
    ),
    data=core.Data(source=Builtin(count=32), size=32, load_size=36),
    train=core.Train(
      duration=20,
      batch_size=8,
      log_every=5,
      render_every=10,
      checkpoint_every=10,
    ),
  )
