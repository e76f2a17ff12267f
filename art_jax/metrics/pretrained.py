"""Features of networks that were trained on ImageNet.

InceptionV3 gives those of published FID, KID and inception scores.
EfficientNet-Lite0 and SqueezeNet are light, VGG-16 is not; they compare runs
with each other: distances in them are no FID in the sense of publications.
"""

from typing import Any

import jax
import jax.numpy as jnp

from art_jax import core
from art_jax.metrics import resize
from art_jax.metrics.features import Extractor
from art_jax.nn import efficientnet_lite, inception, pure, squeezenet, vgg
from art_jax.weights import efficientnet_lite as efficientnet_weights
from art_jax.weights import features as feature_weights
from art_jax.weights import inception as inception_weights

_SQUEEZENET, _FIRE = squeezenet.SqueezeNet('1.1'), 'features.12'
_VGG16, _RELU = vgg.VGG(16), 'relu5_3'


def inception_legacy(params: core.Params, images: jax.Array) -> jax.Array:
  """Return f32[N, 2048] as pytorch-fid: bilinear without antialiasing."""
  x = resize.bilinear(resize.to_rgb(images), inception.SIDE)
  return pure.apply(inception.FIDInception(), {'params': params['params']}, x)


def inception_clean(params: core.Params, images: jax.Array) -> jax.Array:
  """Return f32[N, 2048] as clean-fid: Pillow's bicubic, then (x - 128) / 128.

  Reference: Parmar et al. 2022, "On Aliased Resizing and Surprising
  Subtleties in GAN Evaluation", arXiv:2104.11222.
  """
  x = (_bicubic_bytes(images, inception.SIDE) - 128) / 128
  return pure.apply(inception.FIDInception(), {'params': params['params']}, x)


def efficientnet_lite0(params: core.Params, images: jax.Array) -> jax.Array:
  """Return f32[N, 1280] of pictures resized by bicubic."""
  x = (_bicubic_bytes(images, efficientnet_lite.SIDE) - 127) / 128
  network = efficientnet_lite.EfficientNetLite0()
  return pure.apply(network, {'params': params['params']}, x)


def squeezenet1_1(params: core.Params, images: jax.Array) -> jax.Array:
  """Return f32[N, 512]: the means of the last fire module."""
  return _layer_means(_SQUEEZENET, _FIRE, params, images)


def vgg16(params: core.Params, images: jax.Array) -> jax.Array:
  """Return f32[N, 512]: the means of relu5_3, before the last pool."""
  return _layer_means(_VGG16, _RELU, params, images)


def _layer_means(
  network: squeezenet.SqueezeNet | vgg.VGG,
  layer: str,
  params: core.Params,
  images: jax.Array,
) -> jax.Array:
  """Return the means over positions of a layer, of 224x224 pictures."""
  x = resize.bicubic(resize.to_rgb(images), 224)
  return pure.apply(network, params, x, (layer,))[layer].mean(axis=(1, 2))


def _bicubic_bytes(images: jax.Array, side: int) -> jax.Array:
  """Return f32[N, side, side, 3] in [0, 255]."""
  x = resize.bicubic(127.5 * (resize.to_rgb(images) + 1), side)
  return jnp.clip(x, 0, 255)


def _inception_logits(params: core.Params, features: jax.Array) -> jax.Array:
  """Return f32[N, 1008] of the features, for inception scores."""
  return features @ params['outputs']


def _efficientnet_logits(params: core.Params, features: jax.Array) -> jax.Array:
  """Return f32[N, 1000], the classes of ImageNet, of the features."""
  return features @ params['outputs']['kernel'] + params['outputs']['bias']


def _load_squeezenet(path: Any = None) -> core.Params:
  return feature_weights.load(_SQUEEZENET, path or 'squeezenet1_1', (_FIRE,))


def _load_vgg16(path: Any = None) -> core.Params:
  return feature_weights.load(_VGG16, path or 'vgg16', (_RELU,))


EXTRACTORS = (
  Extractor(
    name='inception',
    width=inception.WIDTH,
    resize='bilinear without antialiasing to 299x299, as pytorch-fid',
    load=inception_weights.load,
    apply=inception_legacy,
    logits=_inception_logits,
  ),
  Extractor(
    name='inception-clean',
    width=inception.WIDTH,
    resize='antialiased bicubic to 299x299, as clean-fid',
    load=inception_weights.load,
    apply=inception_clean,
    logits=_inception_logits,
  ),
  Extractor(
    name='efficientnet-lite0',
    width=efficientnet_lite.WIDTH,
    resize='antialiased bicubic to 224x224',
    load=efficientnet_weights.load,
    apply=efficientnet_lite0,
    logits=_efficientnet_logits,
  ),
  Extractor(
    name='squeezenet',
    width=512,
    resize='antialiased bicubic to 224x224',
    load=_load_squeezenet,
    apply=squeezenet1_1,
  ),
  Extractor(
    name='vgg16',
    width=512,
    resize='antialiased bicubic to 224x224',
    load=_load_vgg16,
    apply=vgg16,
  ),
)
