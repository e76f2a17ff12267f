"""CUT on horse2zebra, as published: one generator, patches as the tie.

Park et al. 2020, "Contrastive Learning for Unpaired Image-to-Image
Translation", arXiv:2007.15651: a ResNet generator with 9 blocks and a 70x70
PatchGAN, both resampled with a blur, least-squares losses, PatchNCE of 256
patches in 5 layers of the generator's encoder with temperature 0.07, the same
for pictures of the second domain, Adam 2e-4, 200 epochs and 200 more of linear
decay, batch 1, 286 px resized and 256 px cropped at random.

  art_jax train cut
  art_jax train cut --data=/folder/of/trainA_trainB
  art_jax train cut --set algorithm.direction=ba \
    --set "data.source=Tfds('cycle_gan/monet2photo')"

Learns the map from a to b alone: horses become zebras; in the last command
photos become Monets. 1,334 pictures, so 400 epochs are 533,600 steps: the
authors report 0.24 s for one on a GPU of 2018, where CycleGAN took 0.40 s.
Expect stripes after 20 epochs; FID 45.5 at the end, CycleGAN's was 77.2.
"""

from art_jax import core
from art_jax.algorithms.cut import CUT
from art_jax.algorithms.patch_contrast import PatchContrast
from art_jax.data.sources import Builtin
from art_jax.data.tfds_source import Tfds
from art_jax.nn.patch_head import PatchHead
from art_jax.nn.patchgan import PatchGAN
from art_jax.nn.resnet_generator import ResnetGenerator


def experiment() -> core.Experiment:
  """Return the run of the paper."""
  return core.Experiment(
    algorithm=CUT(),
    data=core.Data(
      source=Tfds('cycle_gan/horse2zebra'), size=256, load_size=286
    ),
    train=core.Train(
      duration=core.Epochs(400),
      batch_size=1,
      log_every=100,
      render_every=core.Epochs(1),
      checkpoint_every=core.Epochs(2),
    ),
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return core.Experiment(
    algorithm=CUT(
      generator=ResnetGenerator(
        width=8, blocks=1, halvings=1, upsample='blur', downsample='blur'
      ),
      discriminator=PatchGAN(width=8, downsample='blur'),
      head=PatchHead(width=16),
      contrast=PatchContrast(layers=('input', 'down_0', 'block_0'), patches=64),
    ),
    data=core.Data(source=Builtin(count=32), size=32, load_size=36),
    train=core.tiny_train(),
  )
