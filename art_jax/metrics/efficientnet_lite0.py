"""EfficientNet-Lite0 features: light, and trained on ImageNet.

Distances in them compare runs with each other. They are no FID in the sense
of publications, which take InceptionV3.
"""

import jax
import jax.numpy as jnp

from art_jax.metrics import resize
from art_jax.metrics.features import Extractor
from art_jax.nn.efficientnet_lite import SIDE, WIDTH, EfficientNetLite0
from art_jax.weights import efficientnet_lite as weights


def features(params, images: jax.Array) -> jax.Array:
  """Return f32[N, 1280] of pictures resized to 224x224 by bicubic."""
  x = resize.bicubic(127.5 * (resize.to_rgb(images) + 1), SIDE)
  x = (jnp.clip(x, 0, 255) - 127) / 128
  return EfficientNetLite0().apply({'params': params['params']}, x)


def logits(params, features: jax.Array) -> jax.Array:
  """Return f32[N, 1000], the classes of ImageNet, of the features."""
  outputs = params['outputs']
  return features @ outputs['kernel'] + outputs['bias']


EXTRACTOR = Extractor(
  name='efficientnet-lite0',
  width=WIDTH,
  resize='antialiased bicubic to 224x224',
  load=weights.load,
  apply=features,
  logits=logits,
)
