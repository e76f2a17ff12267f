"""SqueezeNet 1.1 features: the smallest that were trained on photographs."""

import jax

from art_jax.metrics import resize
from art_jax.metrics.features import Extractor
from art_jax.nn.squeezenet import SqueezeNet
from art_jax.weights import features as weights

SIDE = 224
_LAYER = 'features.12'
_NETWORK = SqueezeNet('1.1')


def features(params, images: jax.Array) -> jax.Array:
  """Return f32[N, 512]: the means of the last fire module."""
  x = resize.bicubic(resize.to_rgb(images), SIDE)
  return _NETWORK.apply(params, x, (_LAYER,))[_LAYER].mean(axis=(1, 2))


def load(path=None):
  """Return the weights; see `weights.features.load`."""
  return weights.load(_NETWORK, path or 'squeezenet1_1', (_LAYER,))


EXTRACTOR = Extractor(
  name='squeezenet',
  width=512,
  resize='antialiased bicubic to 224x224',
  load=load,
  apply=features,
)
