"""CycleGAN on facades: photographs of buildings <-> label maps, unpaired.

The CMP facades of Tylecek & Sara 2013 as in the experiments of Zhu et al.
2017, arXiv:1703.10593, section 5.1.3, without the identity loss: a colour of
the label map means nothing in a photograph.

  python -m art_jax.main --experiment=cyclegan_facades
  python -m art_jax.main --experiment=cyclegan_facades --data=/facades/folder

The folder may hold side-by-side pictures (left half: a, the photo; right
half: b, the label map); they are then used as two unpaired sets. 400 pictures
and 200 epochs are 80,000 steps: about 8 hours on a GPU of 2018. Expect windows
in the right places after 20 epochs.
"""

from art_jax import core
from art_jax.algorithms.cyclegan import CycleGAN
from art_jax.data.sources import Builtin
from art_jax.data.tfds_source import Tfds
from art_jax.nn.patchgan import PatchGAN
from art_jax.nn.resnet_generator import ResnetGenerator


def experiment() -> core.Experiment:
  """Return the run of the paper."""
  return core.Experiment(
    algorithm=CycleGAN(identity_weight=0.0),
    data=core.Data(source=Tfds('cycle_gan/facades'), size=256, load_size=286),
    train=core.Train(
      duration=core.Epochs(200),
      batch_size=1,
      log_every=100,
      render_every=core.Epochs(2),
      checkpoint_every=core.Epochs(5),
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=CycleGAN(
      generator=ResnetGenerator(width=8, blocks=1),
      discriminator=PatchGAN(width=8),
      identity_weight=0.0,
      pool_size=12,
    ),
    data=core.Data(
      source=Builtin(layout='labels', count=32), size=32, load_size=36
    ),
    train=core.Train(
      duration=20,
      batch_size=8,
      log_every=5,
      render_every=10,
      checkpoint_every=10,
    ),
  )
