"""Neural neighbor style transfer: each cell is painted like its match."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from art_jax import core
from art_jax.algorithms import (
  fields,
  nnst_colors,
  nnst_matches,
  optim,
  style_states,
  trainable,
)
from art_jax.algorithms.matching import Matching
from art_jax.algorithms.nnst_matches import Matches, NNSTState, Targets
from art_jax.losses import hypercolumns as columns_of
from art_jax.losses import style as losses
from art_jax.nn import laplacian
from art_jax.nn.canvas import PyramidCanvas


@dataclasses.dataclass(frozen=True, kw_only=True)
class NNST(Matching):
  """Style transfer by nearest neighbors: minimize over pictures x

    L = mean_i (1 - cos(F_i(x), F_NN(i)(A))) + alpha mean_i (1 - cos(F_i(x),
    F_i(P))).

  F_i is the hypercolumn of cell i (4x4 pixels), NN(i) the cell of the paintings
  A whose hypercolumn, centered, is the most similar. The levels of a Laplacian
  pyramid of x are what Adam moves. At the end of a scale the low frequencies
  take the matched cells' colors: the cosine knows no contrast.

  Reference: Kolkin et al. 2022, arXiv:2203.13215.

  Attributes: as of `Matching`, and
    content_weight: alpha.
    levels: of the pyramid.
    temporal_weight: of videos, how much a frame is kept as the one before was,
      moved; 0: every frame by itself (see `losses.temporal`).
    optimizer: of the pyramid's levels.
    start, colors, style_scale: see `Gatys`.
    coarse_size: longest side, in pixels, of the first scale; the next ones are
      twice as large; 0: only the full size.
  """

  inputs: ClassVar[tuple[str, ...]] = ('content', 'style')
  aligned: ClassVar[bool] = False
  scale_ratio: ClassVar[float] = 2.0
  settles: ClassVar[bool] = True
  tv_weight: ClassVar[float] = 0.0

  content_weight: float = 0.0
  levels: int = 5
  temporal_weight: float = 0.0
  optimizer: optim.Optimizer = optim.Adam(learning_rate=6e-3, b1=0.9)
  start: str = 'content'
  colors: str = 'style'
  coarse_size: int = 64
  style_scale: float = 1.0

  def __post_init__(self):
    super().__post_init__()
    fields.require_one_of('start', self.start, style_states.STARTS)
    fields.require_one_of('colors', self.colors, style_states.COLORS)
    fields.require_sizes(self)
    fields.require_weights(self, 'content_weight', 'temporal_weight')
    fields.require_all(self, ('levels', self.levels >= 1, 'is at least 1'))

  def networks(self, batch: core.Batch) -> core.Networks:
    """Return the canvas: its parameters are what is learned."""
    return {'canvas': (PyramidCanvas(self.levels), (batch['content'],))}

  def init(
    self, key: core.Key, batch: core.Batch, pretrained: core.PyTree = ()
  ) -> NNSTState:
    """Return the first picture and what it is compared with; see `Gatys`."""
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
    self, start: jax.Array, features: core.PyTree, targets: Targets
  ) -> NNSTState:
    """Return the state whose picture is `start` f32[B, H, W, 3]."""
    levels = laplacian.pyramid(start, self.levels)
    params = {f'level_{number}': level for number, level in enumerate(levels)}
    canvas = trainable.from_params(params, {}, self.optimizer)
    cells = (start.shape[0], *columns_of.cells_of(start.shape[1:3]))
    # Two arrays: what is donated is not shared.
    matches = Matches(jnp.zeros(cells, jnp.int32), jnp.zeros(cells, jnp.int32))
    return NNSTState(canvas, features, targets, matches, jnp.int32(0))

  def step(
    self, state: NNSTState, batch: core.Batch, key: core.Key
  ) -> tuple[NNSTState, core.Metrics]:
    """Take one step of the optimizer on the pyramid.

    Args:
      state: of the step before.
      batch: not used: everything is in the state.
      key: not used.

    Returns:
      The next state, and the losses before the step.
    """
    targets = state.targets

    def loss_fn(params, collections, batch):
      pixels = self.pixels(params)
      columns = self.extract(state.features, pixels)
      matches = jax.lax.cond(
        state.clock % self.rematch == 0,
        lambda x: self.match(x, targets, self.share(state.clock)),
        lambda x: state.matches,
        jax.lax.stop_gradient(columns),
      )
      sums = self._sums(columns, matches, pixels, targets, None)
      total, metrics = self.loss(sums, targets)
      if isinstance(targets.before, jax.Array):
        before = losses.temporal(pixels, targets.before, targets.trust)
        metrics['loss/temporal'] = self.temporal_weight * before.sum()
        total += metrics['loss/temporal']
      metrics['loss/total'] = total
      return total, (collections, (metrics, matches))

    canvas, (metrics, matches) = trainable.descend(
      state.canvas, loss_fn, self.optimizer, state.clock, {}
    )
    state = state.replace(canvas=canvas, matches=matches, clock=state.clock + 1)
    return state, metrics

  def sums(
    self,
    features: core.PyTree,
    pixels: jax.Array,
    targets: Targets,
    inside: jax.Array | None = None,
  ) -> core.PyTree:
    """Return the sums of a picture, or tile, that is matched anew."""
    columns = self.extract(features, pixels)
    matches = self.match(columns, targets)
    return self._sums(columns, matches, pixels, targets, inside)

  def statistics(
    self,
    features: core.PyTree,
    pixels: jax.Array,
    targets: Targets,
    inside: jax.Array | None = None,
  ) -> core.PyTree:
    """Return the sums that `informed` needs; those of the losses are 0."""
    columns = self.extract(features, pixels)
    return self._sums(columns, None, pixels, targets, inside)

  def _sums(self, columns, matches, pixels, targets, inside) -> core.PyTree:
    inside = losses.everywhere(pixels) if inside is None else inside
    weights = losses.shrink(inside, columns.shape[1:3])
    return nnst_matches.column_sums(
      columns, matches, targets, weights
    ) | nnst_matches.statistics(columns, pixels, weights, inside)

  def informed(
    self, targets: Targets, sums: core.PyTree, clock: jax.Array
  ) -> Targets:
    """Return the targets with center, gain and share of the whole picture."""
    square = sums['squares'] / sums['pixels']
    return targets.replace(
      center=(sums['columns'] / sums['count'])[:, None, None],
      gain=nnst_colors.gain_of(square, targets.contrast),
      share=self.share(clock),
    )

  def smoothness(self, pixels: jax.Array) -> jax.Array:
    """Return 0: the paintings' features have their own smoothness."""
    return jnp.float32(0)

  def loss(
    self, sums: core.PyTree, targets: Targets
  ) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Return the loss of the features, f32[] (summed over B), and its parts."""
    count = jnp.maximum(sums['count'], 1e-6)
    metrics = {'loss/style': jnp.sum(sums['style']) / count}
    total = metrics['loss/style']
    if self.content_weight:
      content = self.content_weight * jnp.sum(sums['content']) / count
      total, metrics['loss/content'] = total + content, content
    return total, metrics

  def pixels(self, params: core.Params) -> jax.Array:
    """Return the picture f32[B, H, W, 3] of a canvas."""
    return laplacian.collapse(
      [params[f'level_{number}'] for number in range(len(params))]
    )

  def settle(
    self, features: core.PyTree, pixels: jax.Array, targets: Targets
  ) -> jax.Array:
    """Return the pixels in the colors of their matches."""
    return self.settled(features, pixels, targets)[0]

  def settled(
    self, features: core.PyTree, pixels: jax.Array, targets: Targets
  ) -> tuple[jax.Array, Matches]:
    """Return the pixels in the colors of their matches, and the matches."""
    matches = self.match(
      self.extract(features, pixels), targets.replace(share=())
    )
    colors = nnst_matches.gathered(
      matches, [one.colors for one in targets.painted]
    )
    pixels = nnst_colors.settle_colors(
      pixels, colors, targets.contrast, targets.gain
    )
    return pixels, matches

  def render(
    self, state: NNSTState, batch: core.Batch, key: core.Key
  ) -> core.Images:
    """Return the picture, f32[B, H, W, 3] in [-1, 1]."""
    return {'picture': jnp.clip(self.pixels(state.canvas.params), -1, 1)}

  def inference(self, state: NNSTState) -> core.Params:
    """Return the levels of the pyramid."""
    return state.canvas.params
