"""The states of the style transfer algorithms."""

from collections.abc import Mapping
from typing import Any

import jax
from flax import struct

from art_jax import core
from art_jax.algorithms.trainable import Trainable
from art_jax.nn import pure
from art_jax.weights import features as feature_weights

STARTS = ('content', 'noise', 'recolored')
COLORS = ('style', 'luminance', 'content', 'histogram')


class StyleTargets(struct.PyTreeNode):
  """What a picture is compared with; computed once.

  Attributes:
    content: features of the content by layer.
    styles: per painting what `style_loss.target` keeps, by layer.
    masks: per painting f32[H, W] in [0, 1], where it applies; () everywhere.
    before: of a video, the last frame's picture moved, f32[1, H, W, 3]; ().
    trust: f32[H, W] in [0, 1], where `before` holds; ().
  """

  content: Mapping[str, jax.Array]
  styles: tuple[Mapping[str, Any], ...]
  masks: tuple[jax.Array, ...] = ()
  before: Any = ()
  trust: Any = ()


class GatysState(struct.PyTreeNode):
  """A picture that is being optimized.

  Attributes:
    canvas: params {'pixels'} f32[B, H, W, 3] and their optimizer.
    features: variables of the feature network; frozen.
    targets: what the picture is compared with; constant.
    clock: i32[], steps taken; the schedules read it.
  """

  canvas: Trainable
  features: Any
  targets: StyleTargets
  clock: jax.Array


class FastStyleState(struct.PyTreeNode):
  """What fast style transfer learns, and what it is measured with.

  Attributes:
    transformer: params of the network.
    features: variables of the feature network; frozen.
    targets: by layer what the style loss keeps of the paintings, each array
      with the number of the painting as leading axis; constant.
    clock: i32[], steps taken; the schedules read it.
  """

  transformer: Trainable
  features: Any
  targets: Any
  clock: jax.Array


class AdaINState(struct.PyTreeNode):
  """What arbitrary style transfer learns.

  Attributes:
    decoder: params of the decoder.
    features: variables of the encoder; frozen.
    clock: i32[], steps taken; the schedules read it.
  """

  decoder: Trainable
  features: Any
  clock: jax.Array


def load_features(algorithm: Any) -> core.PyTree:
  """Return the variables of a feature network, read from their file.

  Args:
    algorithm: its `features`, their `weights` and the `layers` that it reads.

  Returns:
    The variables; () where the weights are '', which are random ones.

  Raises:
    core.UserError: saying how to get them, if they are absent.
  """
  return (
    feature_weights.load(
      algorithm.features, algorithm.weights, algorithm.layers
    )
    if algorithm.weights
    else ()
  )


def style_target(
  algorithm: Any, features: core.PyTree, painting: jax.Array
) -> Mapping[str, Any]:
  """Return what the style loss compares with, by layer: of f32[1, h, w, 3]."""
  layers = pure.apply(
    algorithm.features, features, painting, algorithm.style_layers
  )
  return {k: algorithm.style_loss.target(v) for k, v in layers.items()}


def features_or_random(
  algorithm: Any, features: core.PyTree, key: core.Key, images: jax.Array
) -> core.PyTree:
  """Return the variables given, or random ones where there are none."""
  return (
    features
    if jax.tree.leaves(features)
    else algorithm.features.init(key, images, algorithm.layers)
  )
