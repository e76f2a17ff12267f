"""Style transfer by optimizing pixels with VGG-16 (Gatys et al. 2016).

Gatys, Ecker, Bethge, "Image Style Transfer Using Convolutional Neural
Networks", CVPR 2016 (2015, arXiv:1508.06576): the content's relu4_2 and the
Gram matrices of relu1_1, ..., relu5_1 of the painting.

  art_jax fetch vgg16
  art_jax stylize style_transfer \
    --content=photo.jpg --style=painting.jpg --output=result.png
  ... --size=1024 --set algorithm.content_weight=1   (less of the photo)
  ... --set "algorithm.optimizer=LBFGS()"
  ... --set "algorithm.optimizer=SGD(learning_rate=2e-5, momentum=0.9)"

The paper starts from noise (--set algorithm.start=noise). A step at 512 pixels
is 0.33 TFLOP, at 256 pixels 0.08: one a second on two CPU cores; the scales of
181, 256, 362 and 512 pixels, 100 steps each, cost about twice the last one.
Expect the photo's things in the painting's strokes and
colors. The weights are for the network of the paper (Oxford's, as Keras and
caffe have it); torchvision's has other features and needs others.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.gatys import Gatys
from art_jax.data.sources import Builtin
from art_jax.nn.vgg import VGG


def experiment() -> core.Experiment:
  """Return the optimization at 512 pixels."""
  return core.Experiment(
    algorithm=Gatys(
      features=VGG(16, pool='average'),
      weights='vgg16',
      coarse_size=181,
      tv_weight=3e4,
      temporal_weight=1e6,
    ),
    data=core.Data(source=Builtin(layout='pairs'), size=512),
    train=core.Train(duration=100, batch_size=1, log_every=10),
  )


def tiny() -> core.Experiment:
  """Return the same classes with random features: it needs no weights."""
  return core.Experiment(
    algorithm=Gatys(
      features=VGG(16, pool='average', width=2),
      weights='',
      tv_weight=1e-3,
      optimizer=optim.Adam(learning_rate=0.02, b1=0.9, clip_weights=1.0),
    ),
    data=core.Data(source=Builtin(layout='pairs', count=32), size=32),
    train=core.Train(duration=20, batch_size=8, log_every=5),
  )
