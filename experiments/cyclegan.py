"""CycleGAN on monet2photo, as published: paintings <-> photographs.

Zhu et al. 2017, "Unpaired Image-to-Image Translation using Cycle-Consistent
Adversarial Networks", arXiv:1703.10593: ResNet generators with 9 blocks, 70x70
PatchGANs, least-squares losses, cycle weight 10, identity weight 0.5, a
history of 50 pictures, Adam 2e-4, 100 epochs and 100 more of linear decay,
batch 1, 286 px resized and 256 px cropped at random.

  art_jax train cyclegan
  art_jax train cyclegan --data=/folder/of/trainA_trainB

Domain a are the paintings, b the photos of the data set cycle_gan/monet2photo
(6,287 photos, so 200 epochs are 1,257,400 steps: days on one GPU; pass
--set "train.duration=Epochs(20)" for a first impression, and the decay shortens
with it). Expect colors and brush strokes after 2 epochs and clean pictures
after 100.
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
    algorithm=CycleGAN(),
    data=core.Data(
      source=Tfds('cycle_gan/monet2photo'), size=256, load_size=286
    ),
    train=core.Train(
      duration=core.Epochs(200),
      batch_size=1,
      log_every=100,
      render_every=core.Epochs(0.25),
      checkpoint_every=core.Epochs(0.5),
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=CycleGAN(
      generator=ResnetGenerator(width=8, blocks=1),
      discriminator=PatchGAN(width=8),
      pool_size=12,
    ),
    data=core.Data(source=Builtin(count=32), size=32, load_size=36),
    train=core.tiny_train(),
  )
