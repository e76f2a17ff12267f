"""InceptionV3 features: those of published FID, KID and inception scores."""

import jax
import jax.numpy as jnp

from art_jax.metrics import resize
from art_jax.metrics.features import Extractor
from art_jax.nn.inception import SIDE, WIDTH, FIDInception
from art_jax.weights import inception as weights


def legacy(params, images: jax.Array) -> jax.Array:
  """Return features as pytorch-fid: bilinear without antialiasing."""
  x = resize.bilinear(resize.to_rgb(images), SIDE)
  return FIDInception().apply({'params': params['params']}, x)


def clean(params, images: jax.Array) -> jax.Array:
  """Return features as clean-fid: Pillow's bicubic, then (x - 128) / 128.

  Reference: Parmar et al. 2022, "On Aliased Resizing and Surprising
  Subtleties in GAN Evaluation", arXiv:2104.11222.
  """
  x = resize.bicubic(127.5 * (resize.to_rgb(images) + 1), SIDE)
  x = (jnp.clip(x, 0, 255) - 128) / 128
  return FIDInception().apply({'params': params['params']}, x)


def logits(params, features: jax.Array) -> jax.Array:
  """Return f32[N, 1008] of the features, for inception scores."""
  return features @ params['outputs']


LEGACY = Extractor(
  name='inception',
  width=WIDTH,
  resize='bilinear without antialiasing to 299x299, as pytorch-fid',
  load=weights.load,
  apply=legacy,
  logits=logits,
)
CLEAN = Extractor(
  name='inception-clean',
  width=WIDTH,
  resize='antialiased bicubic to 299x299, as clean-fid',
  load=weights.load,
  apply=clean,
  logits=logits,
)
