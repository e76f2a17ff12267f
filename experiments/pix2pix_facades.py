"""pix2pix on facades: label maps <-> photographs of buildings, from pairs.

Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial
Networks", arXiv:1611.07004: U-Net with dropout, 70x70 PatchGAN on pairs, BCE
and 100 times L1, Adam 2e-4, batch 1, 286 px resized and 256 px cropped; the
CMP facades of Tylecek & Sara 2013.

  art_jax train pix2pix_facades --data=path/to/facades
  art_jax train pix2pix_facades --data=builtin

The folder `facades` of side-by-side pictures (train and val below it; left
half: a, the photo; right half: b, the label map) comes from
http://efrosgans.eecs.berkeley.edu/pix2pix/datasets/facades.tar.gz. The
direction 'ba' paints photos from labels (the paper); --set
algorithm.direction=ab labels photos. 400
pictures and 200 epochs are 80,000 steps of 84 GFLOP: an hour or two on a GPU,
days on a CPU (try --set data.size=128 --set data.load_size=143 --set
algorithm.generator.levels=7). Expect facades in the
right layout after 20 epochs and convincing ones after 100.
"""

from art_jax import core
from art_jax.algorithms.pix2pix import Pix2Pix
from art_jax.data.sources import Builtin, Pairs
from art_jax.nn.patchgan import PatchGAN
from art_jax.nn.unet import UNet


def experiment() -> core.Experiment:
  """Return the run of the paper."""
  return core.Experiment(
    algorithm=Pix2Pix(direction='ba'),
    data=core.Data(source=Pairs('facades'), size=256, load_size=286),
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
    algorithm=Pix2Pix(
      generator=UNet(width=8, levels=5),
      discriminator=PatchGAN(width=8, norm='batch'),
      direction='ba',
    ),
    data=core.Data(
      source=Builtin(layout='labels', count=32), size=32, load_size=36
    ),
    train=core.tiny_train(),
  )
