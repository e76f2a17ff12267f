"""Style transfer that keeps faces: patches instead of Gram matrices (CNNMRF).

Li & Wand 2016, "Combining Markov Random Fields and Convolutional Neural
Networks for Image Synthesis", arXiv:1601.04589: every 3x3 patch of relu3_1 and
relu4_1 is drawn to the most similar patch of the painting; from the photo in
the painting's colors, which patches alone are slow to bring.

  art_jax fetch vgg16
  art_jax stylize style_transfer_mrf \
    --content=portrait.jpg --style=painting.jpg --output=result.png

A step at 256 pixels is 0.07 TFLOP and the matching. Expect eyes, nose and
mouth where they were, painted with pieces of the painting; it works best where
the painting shows the same kind of thing, a portrait for a portrait.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.gatys import Gatys
from art_jax.data.sources import Builtin
from art_jax.losses.patches import Patches
from art_jax.nn.vgg import VGG


def experiment() -> core.Experiment:
  """Return two scales up to 384 pixels."""
  return core.Experiment(
    algorithm=Gatys(
      # Differs from the paper: VGG-19 and L-BFGS there.
      features=VGG(16),
      weights='vgg16',
      style_layers=('relu3_1', 'relu4_1'),
      style_weights=(1.0, 1.0),
      style_loss=Patches(size=3, stride=2),
      content_weight=1.0,
      tv_weight=3e4,
      temporal_weight=1e6,
      # Differs from the paper: three scales. The smallest of them sees a face
      # as one patch, and puts something else there.
      coarse_size=272,
      start='recolored',
    ),
    data=core.Data(source=Builtin(layout='pairs'), size=384),
    train=core.Train(duration=100, batch_size=1, log_every=10),
  )


def tiny() -> core.Experiment:
  """Return the same classes with random features: it needs no weights."""
  return core.Experiment(
    algorithm=Gatys(
      features=VGG(16, width=2),
      weights='',
      style_layers=('relu2_1', 'relu3_1'),
      style_weights=(1.0, 1.0),
      style_loss=Patches(size=3, stride=1),
      content_weight=1.0,
      tv_weight=1e-3,
      optimizer=optim.Adam(learning_rate=0.02, b1=0.9, clip_weights=1.0),
    ),
    data=core.Data(source=Builtin(layout='pairs', count=32), size=32),
    train=core.Train(duration=20, batch_size=8, log_every=5),
  )
