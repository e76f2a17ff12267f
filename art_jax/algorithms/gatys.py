"""Style transfer by optimizing pixels: Gatys et al., and its MRF form."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from art_jax import core
from art_jax.algorithms import fields, optim, style_states, trainable
from art_jax.algorithms.style_states import GatysState, StyleTargets
from art_jax.losses import style as losses
from art_jax.nn import pure, squeezenet, vgg
from art_jax.nn.canvas import Canvas

_STYLE_LAYERS = tuple(f'relu{block}_1' for block in range(1, 6))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gatys:
  """Style transfer: minimize over pixels x, of features F(x),

    L = alpha E_content(F, P) + beta sum_l w_l E_style(F_l, A_l) + tv TV(x).

  P are the features of the content, A_l what is kept of a painting's. `step` is
  one step of the optimizer on the pixels; `art_jax stylize` takes them.

  Reference: Gatys et al. 2016, "Image Style Transfer Using Convolutional Neural
  Networks", CVPR; 2015, arXiv:1508.06576. With `Patches`: Li & Wand 2016,
  arXiv:1601.04589.

  Attributes:
    features: the network; average pooling is the paper's choice.
    weights: name (`art_jax fetch`) or path of its weights; '': random
      ones, which is for tests.
    content_layers: of E_content (paper: conv4_2).
    content_weight: alpha.
    style_layers: of E_style (paper: conv1_1, conv2_1, ..., conv5_1).
    style_weights: beta w_l of each, for `reduction`.
    style_loss: `Gram()`, `WassersteinStyle()` or `Patches()`.
    blend: shares of several paintings; (): equal ones.
    tv_weight: weight of the total variation, for `reduction`.
    tv_norm: 'l1' or 'l2'.
    temporal_weight: of videos, how much a frame is kept as the one before was,
      moved; 0: every frame by itself (see `losses.temporal`).
    reduction: 'paper', 'sum' or 'mean', see losses/style.py.
    optimizer: of the pixels.
    start: 'content', 'noise' (the paper) or 'recolored': the content with
      mean and covariance of the first painting's colors.
    colors: 'style', or the content's: 'luminance' (only brightness is
      transferred), 'content' or 'histogram' (the painting is recolored first,
      by mean and covariance or channel by channel).
    coarse_size: longest side, in pixels, of the first scale; the next ones are
      sqrt(2) times larger; 0: only the full size.
    margin: pixels mirrored around the picture before its features are
      computed, a multiple of the layers' strides. Features there do not count:
      it keeps borders from being painted differently, where a network does not
      pad (SqueezeNet) or pads with zeros.
    style_scale: size of the paintings over that of the content.
  """

  inputs: ClassVar[tuple[str, ...]] = ('content', 'style')
  aligned: ClassVar[bool] = False
  scale_ratio: ClassVar[float] = math.sqrt(2)
  settles: ClassVar[bool] = False

  features: vgg.VGG | squeezenet.SqueezeNet = vgg.VGG(16)
  weights: str = 'vgg16'
  content_layers: tuple[str, ...] = ('relu4_2',)
  content_weight: float = 5.0
  style_layers: tuple[str, ...] = _STYLE_LAYERS
  style_weights: tuple[float, ...] = (100.0, 100.0, 100.0, 100.0, 100.0)
  style_loss: losses.StyleLoss = losses.Gram()
  blend: tuple[float, ...] = ()
  tv_weight: float = 0.0
  tv_norm: str = 'l2'
  temporal_weight: float = 0.0
  reduction: str = 'mean'
  optimizer: optim.Optimizer = optim.Adam(
    learning_rate=0.02, b1=0.9, b2=0.99, clip_weights=1.0
  )
  start: str = 'content'
  colors: str = 'style'
  coarse_size: int = 0
  margin: int = 0
  style_scale: float = 1.0

  def __post_init__(self):
    fields.require_one_of('reduction', self.reduction, losses.REDUCTIONS)
    fields.require_one_of('tv_norm', self.tv_norm, ('l1', 'l2'))
    fields.require_one_of('start', self.start, style_states.STARTS)
    fields.require_one_of('colors', self.colors, style_states.COLORS)
    # 32 is the least side of a picture.
    fields.require_all(
      self, ('margin', 0 <= self.margin < 32, 'is in [0, 32)', '16 will do')
    )
    fields.require_sizes(self)
    fields.require_shares(self.blend)
    fields.require_weights(
      self, 'content_weight', 'style_weights', 'tv_weight', 'temporal_weight'
    )
    fields.require_layers(
      self.features, self.layers, self.style_layers, self.style_weights
    )

  @property
  def layers(self) -> tuple[str, ...]:
    """The layers that the losses read."""
    return tuple(sorted({*self.content_layers, *self.style_layers}))

  def networks(self, batch: core.Batch) -> core.Networks:
    """Return the canvas: its parameters are what is learned."""
    return {'canvas': (Canvas(), (batch['content'],))}

  def pretrained(self, read_picture: core.PictureReader) -> core.PyTree:
    """Return the feature network's variables, read from their file.

    Raises:
      core.UserError: saying how to get them, if they are absent.
    """
    return style_states.load_features(self)

  def init(
    self, key: core.Key, batch: core.Batch, pretrained: core.PyTree = ()
  ) -> GatysState:
    """Return the first picture and what it is compared with.

    Args:
      key: PRNG key of the noise.
      batch: content f32[B, H, W, 3], style f32[B, h, w, 3] of which the first
        counts.
      pretrained: what `pretrained()` returned; (): random features.
    """
    content = batch['content']
    pretrained = style_states.features_or_random(
      self, pretrained, key, content[:1]
    )
    targets = self.targets(pretrained, content, (batch['style'][:1],))
    start = (
      jnp.clip(0.5 * jax.random.normal(key, content.shape), -1, 1)
      if self.start == 'noise'
      else content
    )
    return self.begin(start, pretrained, targets)

  def begin(
    self, start: jax.Array, features: core.PyTree, targets: StyleTargets
  ) -> GatysState:
    """Return the state whose picture is `start` f32[B, H, W, 3]."""
    canvas = trainable.from_params({'pixels': start}, {}, self.optimizer)
    return GatysState(canvas, features, targets, jnp.int32(0))

  def targets(
    self,
    features: core.PyTree,
    content: jax.Array,
    styles: Sequence[jax.Array],
    masks: Sequence[jax.Array] = (),
  ) -> StyleTargets:
    """Return what a picture is compared with.

    Args:
      features: variables of the feature network.
      content: f32[B, H, W, 3] in [-1, 1].
      styles: paintings f32[1, h, w, 3], of any sizes.
      masks: of each painting f32[H, W] in [0, 1]; (): everywhere.
    """
    return StyleTargets(
      self.content_targets(features, content),
      tuple(style_states.style_target(self, features, x) for x in styles),
      tuple(masks),
    )

  def large_targets(
    self,
    features: core.PyTree,
    styles: Sequence[jax.Array],
    masks: Sequence[jax.Array],
    tile: int,
    in_tiles: Callable[[jax.Array], Any],
  ) -> StyleTargets:
    """Return the targets of a picture in tiles, without its content."""
    return StyleTargets({}, tuple(map(in_tiles, styles)), tuple(masks))

  def content_targets(
    self, features: core.PyTree, content: jax.Array
  ) -> Mapping[str, jax.Array]:
    """Return the features of the content f32[B, H, W, 3] by layer."""
    return self.extract(features, content, self.content_layers)

  def pixels(self, params: core.Params) -> jax.Array:
    """Return the picture f32[B, H, W, 3] of a canvas."""
    return params['pixels']

  def settle(
    self, features: core.PyTree, pixels: jax.Array, targets: StyleTargets
  ) -> jax.Array:
    """Return the pixels: a scale ends with what was optimized."""
    return pixels

  def informed(
    self, targets: StyleTargets, sums: core.PyTree, clock: jax.Array
  ) -> StyleTargets:
    """Return the targets: a tile's sums need nothing of the others."""
    return targets

  def statistics(
    self,
    features: core.PyTree,
    pixels: jax.Array,
    targets: StyleTargets,
    inside: jax.Array | None = None,
  ) -> core.PyTree:
    """Return the sums, all but the content's errors.

    The loss is linear in those: their cotangent does not depend on them.
    """
    content = self.content_targets(features, pixels)
    return self.sums(features, pixels, targets.replace(content=content), inside)

  def sums(
    self,
    features: core.PyTree,
    pixels: jax.Array,
    targets: StyleTargets,
    inside: jax.Array | None = None,
  ) -> core.PyTree:
    """Return what all losses sum up over the positions of a picture or tile.

    Args:
      features: variables of the feature network.
      pixels: f32[B, H, W, 3].
      targets: of this picture or tile.
      inside: f32[H, W], 1 where a tile counts; None: everywhere.
    """
    layers = self.extract(features, pixels, self.layers)
    if inside is None:
      inside = losses.everywhere(pixels)

    def weights(name, mask):
      return losses.shrink(
        jnp.pad(inside * mask, self.margin), layers[name].shape[1:3]
      )

    content = {
      name: losses.content_sums(
        layers[name], targets.content[name], weights(name, 1.0)
      )
      for name in self.content_layers
    }
    masks = targets.masks or (1.0,) * len(targets.styles)
    styles = tuple(
      {
        name: self.style_loss.sums(
          layers[name], weights(name, mask), target[name]
        )
        for name in self.style_layers
      }
      for mask, target in zip(masks, targets.styles, strict=True)
    )
    return {'content': content, 'styles': styles}

  def loss(
    self, sums: core.PyTree, targets: StyleTargets
  ) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Return the loss of the features, f32[] (summed over B), and its parts.

    Args:
      sums: over the whole picture, see `sums`.
      targets: only `styles` is read.
    """
    errors = (
      losses.reduce_error(layer, self.reduction).sum()
      for layer in sums['content'].values()
    )
    content = self.content_weight * sum(errors, jnp.float32(0))
    style = jnp.float32(0)
    shares = self.blend or (1.0,) * len(targets.styles)
    blend = [share / sum(shares) for share in shares]
    paintings = zip(blend, sums['styles'], targets.styles, strict=True)
    layers = list(zip(self.style_layers, self.style_weights, strict=True))
    for share, painting, target in paintings:
      for name, weight in layers:
        distance = self.style_loss.distance(
          painting[name], target[name], self.reduction
        )
        style += share * weight * distance.sum()
    return content + style, {'loss/content': content, 'loss/style': style}

  def smoothness(self, pixels: jax.Array) -> jax.Array:
    """Return the weighted total variation, f32[] (summed over B)."""
    if not self.tv_weight:
      return jnp.float32(0)
    variation = losses.total_variation(pixels, self.tv_norm, self.reduction)
    return self.tv_weight * variation.sum()

  def step(
    self, state: GatysState, batch: core.Batch, key: core.Key
  ) -> tuple[GatysState, core.Metrics]:
    """Take one step of the optimizer on the pixels.

    Args:
      state: of the step before.
      batch: not used: everything is in the state.
      key: not used.

    Returns:
      The next state, and the losses before the step.
    """

    def loss_fn(params, collections, batch):
      pixels = params['pixels']
      sums = self.sums(state.features, pixels, state.targets)
      loss, metrics = self.loss(sums, state.targets)
      smooth = self.smoothness(pixels)
      if self.tv_weight:
        metrics['loss/smoothness'] = smooth
      total = loss + smooth
      if isinstance(state.targets.before, jax.Array):
        before, trust = state.targets.before, state.targets.trust
        metrics['loss/temporal'] = (
          self.temporal_weight * losses.temporal(pixels, before, trust).sum()
        )
        total += metrics['loss/temporal']
      metrics['loss/total'] = total
      return total, (collections, metrics)

    canvas, metrics = trainable.descend(
      state.canvas, loss_fn, self.optimizer, state.clock, {}
    )
    return state.replace(canvas=canvas, clock=state.clock + 1), metrics

  def render(
    self, state: GatysState, batch: core.Batch, key: core.Key
  ) -> core.Images:
    """Return the picture, f32[B, H, W, 3] in [-1, 1]."""
    return {'picture': jnp.clip(state.canvas.params['pixels'], -1, 1)}

  def inference(self, state: GatysState) -> core.Params:
    """Return {'pixels'}."""
    return state.canvas.params

  def extract(
    self, features: core.PyTree, images: jax.Array, layers: Sequence[str]
  ) -> Mapping[str, jax.Array]:
    """Return layers of pictures f32[B, H, W, 3] and their margin."""
    if self.margin:
      # The edge is repeated: what pools in pairs then sees pairs again.
      sides = (0, 0), (self.margin,) * 2, (self.margin,) * 2, (0, 0)
      images = jnp.pad(images, sides, 'symmetric')
    return pure.apply(self.features, features, images, tuple(layers))
