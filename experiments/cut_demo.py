"""CUT in minutes on a laptop: built-in photographs -> paintings.

The algorithm of Park et al. 2020, arXiv:2007.15651, with small networks, on
procedural pictures of 64 px that need no download; `cyclegan_demo` is the same
for CycleGAN.

  art_jax train cut_demo --devices=1

Domain a are photos, b paintings, of other scenes: no pair is ever seen. About
2 minutes of one CPU core. Expect the painter's warm, saturated colors, with
every edge and the grain of the photo kept. Colors wander more than in
`cyclegan_demo`: nothing leads back to the input that could be compared.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.cut import CUT
from art_jax.algorithms.patch_contrast import PatchContrast
from art_jax.data.sources import Builtin
from art_jax.nn.patch_head import PatchHead
from art_jax.nn.patchgan import PatchGAN
from art_jax.nn.resnet_generator import ResnetGenerator


def experiment() -> core.Experiment:
  """Return the run."""
  adam = optim.Adam(
    learning_rate=1e-3,
    schedule=optim.LinearDecay(start=core.Steps(1500), end=core.Steps(3000)),
  )
  return core.Experiment(
    algorithm=CUT(
      # Differs from the paper: as in `cyclegan_demo`, for pictures of 64 px.
      generator=ResnetGenerator(width=16, blocks=3, halvings=0, norm='none'),
      discriminator=PatchGAN(width=32, layers=1, norm='none'),
      head=PatchHead(width=64),
      # Differs from the paper (1): paintings that stay as they are hold the
      # colors of the others.
      identity_weight=2.0,
      generator_optimizer=adam,
      discriminator_optimizer=adam,
      contrast=PatchContrast(layers=('input', 'stem', 'block_0')),
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
    algorithm=CUT(
      generator=ResnetGenerator(width=8, blocks=1, halvings=0, norm='none'),
      discriminator=PatchGAN(width=8, layers=1, norm='none'),
      head=PatchHead(width=16),
      contrast=PatchContrast(layers=('input', 'stem', 'block_0'), patches=64),
    ),
    data=core.Data(source=Builtin(count=32), size=32, load_size=36),
    train=core.tiny_train(),
  )
