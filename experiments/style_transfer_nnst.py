"""Style transfer by nearest neighbors: strokes of the painting (NNST).

Kolkin, Kucera, Paris, Sykora, Shechtman, Shakhnarovich 2022, "Neural Neighbor
Style Transfer", arXiv:2203.13215: each cell of 4x4 pixels is drawn to the most
similar cell of the painting, in all layers of VGG-16 from conv1_1 to conv4_3,
at 64, 128 and 256 pixels.

  art_jax fetch vgg16
  art_jax stylize style_transfer_nnst \
    --content=photo.jpg --style=painting.jpg --output=result.png
  ... --set algorithm.content_weight=0   (only the painting's strokes)
  ... --set "algorithm.turns=(0,1,2,3,4,5,6,7)"   (strokes in all directions)

A step at 256 pixels is 0.07 TFLOP. Expect a picture that could be cut out of
the painting: its strokes and colors, in the layout of the photo.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.neural_neighbor import NNST
from art_jax.data.sources import Builtin
from art_jax.nn.vgg import VGG


def experiment() -> core.Experiment:
  """Return three scales up to 256 pixels."""
  return core.Experiment(
    algorithm=NNST(
      features=VGG(16, padding='reflect'),
      weights='vgg16',
      content_weight=0.5,
      color_weight=8_000.0,
      temporal_weight=1.0,
      optimizer=optim.Adam(learning_rate=0.02, b1=0.9),
    ),
    data=core.Data(source=Builtin(layout='pairs'), size=256),
    train=core.Train(duration=60, batch_size=1, log_every=10),
  )


def tiny() -> core.Experiment:
  """Return the same classes with random features: it needs no weights."""
  return core.Experiment(
    algorithm=NNST(
      features=VGG(16, width=4, padding='reflect'),
      weights='',
      layers=('relu1_1', 'relu2_1', 'relu3_1'),
      content_weight=1.0,
      projection=8,
      coarse_size=0,
      start='noise',
      optimizer=optim.Adam(learning_rate=6e-3, b1=0.9),
    ),
    data=core.Data(source=Builtin(layout='pairs', count=32), size=32),
    train=core.Train(duration=20, batch_size=8, log_every=5),
  )
