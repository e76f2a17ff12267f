"""CycleGAN in minutes on a laptop: built-in photographs <-> paintings.

The algorithm of Zhu et al. 2017, arXiv:1703.10593, with small networks, on
procedural pictures of 64 px that need no download. tools/demo.sh runs it.

  art_jax train cyclegan_demo --devices=1

Domain a are photos, b paintings, of other scenes: no pair is ever seen. About
3 minutes on 2 CPU cores. Expect the painter's warm, saturated colors in one
direction and cool, hazy light in the other, with every edge kept, and a
distance to the true partner about a third below doing nothing in both.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.cyclegan import CycleGAN
from art_jax.data.sources import Builtin
from art_jax.nn.patchgan import PatchGAN
from art_jax.nn.resnet_generator import ResnetGenerator


def experiment() -> core.Experiment:
  """Return the run of tools/demo.sh."""
  adam = optim.Adam(
    learning_rate=1e-3,
    schedule=optim.LinearDecay(start=core.Steps(1500), end=core.Steps(3000)),
  )
  return core.Experiment(
    algorithm=CycleGAN(
      # Differs from the paper: a few minutes at 64 px do not suffice to send
      # detail through halvings, and instance norms forget how bright and
      # colorful a picture was, which is most of the style here.
      generator=ResnetGenerator(width=16, blocks=3, halvings=0, norm='none'),
      # Differs from the paper: 16x16 patches of 64 px pictures.
      discriminator=PatchGAN(width=32, layers=1, norm='none'),
      generator_optimizer=adam,
      discriminator_optimizer=adam,
      # Differs from the paper (10, 0.5): without norms the generators start
      # near the identity and need less to hold them there.
      cycle_weight=4.0,
      identity_weight=0.1,
    ),
    data=core.Data(source=Builtin(count=400), size=64, load_size=68),
    train=core.Train(
      duration=3000,
      batch_size=1,
      log_every=100,
      render_every=500,
      checkpoint_every=500,
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=CycleGAN(
      generator=ResnetGenerator(width=8, blocks=1, halvings=0, norm='none'),
      discriminator=PatchGAN(width=8, layers=1, norm='none'),
      pool_size=12,
    ),
    data=core.Data(source=Builtin(count=32), size=32, load_size=36),
    train=core.tiny_train(),
  )
