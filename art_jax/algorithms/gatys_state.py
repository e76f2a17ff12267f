"""What a picture in the making is, and what it is compared with."""

from collections.abc import Mapping
from typing import Any

import flax
import jax

from art_jax.algorithms.trainable import Trainable


class StyleTargets(flax.struct.PyTreeNode):
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


class GatysState(flax.struct.PyTreeNode):
  """A picture in the making.

  Attributes:
    canvas: params {'pixels'} f32[B, H, W, 3] and their optimiser.
    features: variables of the feature network; frozen.
    targets: what the picture is compared with; constant.
    clock: i32[], steps taken; the schedules read it.
  """

  canvas: Trainable
  features: Any
  targets: StyleTargets
  clock: jax.Array
