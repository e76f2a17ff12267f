"""CycleGAN on facades: photographs of buildings <-> label maps, unpaired.

The CMP facades of Tylecek & Sara 2013 as in the experiments of Zhu et al.
2017, arXiv:1703.10593, section 5.1.3, without the identity loss: a color of
the label map means nothing in a photograph.

  art_jax train cyclegan_facades
  art_jax train cyclegan_facades --data=/facades/folder

The folder may hold side-by-side pictures (left half: a, the photo; right
half: b, the label map); they are then used as two unpaired sets. 400 pictures
and 200 epochs are 80,000 steps: about 8 hours on a GPU of 2018. Expect windows
in the right places after 20 epochs.
"""

from art_jax import core
from art_jax.config import experiments
from art_jax.data.sources import Builtin
from art_jax.data.tfds_source import Tfds


def experiment() -> core.Experiment:
  """Return the run of the paper."""
  return experiments.replace(
    experiments.load('cyclegan'),
    {
      'algorithm.identity_weight': 0.0,
      'data.source': Tfds('cycle_gan/facades'),
      'train.render_every': core.Epochs(2),
      'train.checkpoint_every': core.Epochs(5),
    },
  )


def tiny() -> core.Experiment:
  """Return the same classes at a size that trains in seconds."""
  return experiments.replace(
    experiments.load('cyclegan', tiny=True),
    {
      'algorithm.identity_weight': 0.0,
      'data.source': Builtin(layout='labels', count=32),
    },
  )
