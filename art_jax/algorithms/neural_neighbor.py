"""Neural neighbor style transfer: each cell is painted like its match."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
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
from art_jax.algorithms.nnst_matches import Matches, NNSTState, Targets
from art_jax.losses import hypercolumns as columns_of
from art_jax.losses import style as losses
from art_jax.nn import laplacian, nearest, vgg
from art_jax.nn.canvas import PyramidCanvas
from art_jax.nn.field import TURNS, Turned

_LAYERS = tuple(
  f'relu{block}_{i}'
  for block, count in ((1, 2), (2, 2), (3, 3), (4, 3))
  for i in range(1, count + 1)
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class NNST:
  """Style transfer by nearest neighbors: minimize over pictures x

    L = mean_i (1 - cos(F_i(x), F_NN(i)(A))) + alpha mean_i (1 - cos(F_i(x),
    F_i(P))).

  F_i is the hypercolumn of cell i (4x4 pixels), NN(i) the cell of the paintings
  A whose hypercolumn, centered, is the most similar. The levels of a Laplacian
  pyramid of x are what Adam moves. At the end of a scale the low frequencies
  take the matched cells' colors: the cosine knows no contrast.

  Reference: Kolkin et al. 2022, arXiv:2203.13215.

  Attributes:
    features: the network.
    weights: name (`art_jax fetch`) or path of its weights; '': random
      ones, which is for tests.
    layers: of a hypercolumn (paper: all from conv1_1 to conv4_3).
    content_weight: alpha.
    turns: orientations of the paintings, see `nn.field.Turned`: 0 as it is, 4
      mirrored; (0, ..., 7): all flips and quarter turns.
    blend: shares of the area of several paintings; (): each cell takes the
      most similar match of all.
    content_share: of the content in the features that are matched.
    share_schedule: factor on it over the steps of a scale.
    rematch: steps between two searches of the matches.
    projection: dimensions in which matches are searched; 0: all.
    candidates: matches of the projected search that are compared exactly.
    chunk: cells that are searched at a time.
    bank: cells of a painting, in all its orientations, that are kept at most.
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

  features: vgg.VGG = vgg.VGG(16, padding='reflect')
  weights: str = 'vgg16'
  layers: tuple[str, ...] = _LAYERS
  content_weight: float = 0.0
  turns: tuple[int, ...] = (0, 4)
  blend: tuple[float, ...] = ()
  content_share: float = 0.25
  share_schedule: optim.Schedule | None = optim.StepDecay(
    boundaries=(15,), gamma=0.0
  )
  rematch: int = 4
  projection: int = 128
  candidates: int = 8
  chunk: int = 1024
  bank: int = 65536
  levels: int = 5
  temporal_weight: float = 0.0
  optimizer: optim.Optimizer = optim.Adam(learning_rate=6e-3, b1=0.9)
  start: str = 'content'
  colors: str = 'style'
  coarse_size: int = 64
  style_scale: float = 1.0

  def __post_init__(self):
    fields.require_one_of('start', self.start, style_states.STARTS)
    fields.require_one_of('colors', self.colors, style_states.COLORS)
    fields.require_all(
      self,
      ('layers', bool(self.layers), 'names a layer'),
      ('content_weight', self.content_weight >= 0, 'is >= 0'),
      ('content_share', 0 <= self.content_share < 1, 'is in [0, 1)'),
      (
        'turns',
        self.turns and set(self.turns) <= set(range(TURNS)),
        'names orientations 0 to 7',
        'pass --set "algorithm.turns=(0, 4)"',
      ),
      (
        'blend',
        all(share >= 0 for share in self.blend)
        and (not self.blend or sum(self.blend) > 0),
        'has shares >= 0',
      ),
      ('projection', self.projection >= 0, 'is >= 0'),
      *(
        (name, getattr(self, name) >= 1, 'is at least 1')
        for name in ('rematch', 'candidates', 'chunk', 'bank', 'levels')
      ),
    )
    fields.require_known_layers(self.features, self.layers)

  def networks(self, batch: core.Batch) -> core.Networks:
    """Return the canvas: its parameters are what is learned."""
    return {'canvas': (PyramidCanvas(self.levels), (batch['content'],))}

  def pretrained(self, read_picture: core.PictureReader) -> core.PyTree:
    """Return the feature network's variables, read from their file.

    Raises:
      core.UserError: saying how to get them, if they are absent.
    """
    return style_states.load_features(self)

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

  def targets(
    self,
    features: core.PyTree,
    content: jax.Array,
    styles: Sequence[jax.Array],
    masks: Sequence[jax.Array] = (),
  ) -> Targets:
    """Return what a picture is compared with.

    Args:
      features: variables of the feature network.
      content: f32[B, H, W, 3] in [-1, 1].
      styles: paintings f32[1, h, w, 3], of any sizes.
      masks: of each painting f32[H, W] in [0, 1]; (): everywhere.
    """
    lists = [
      [Turned(number, turn) for turn in self.turns]
      for number in range(len(styles))
    ]
    targets = self.painted_targets(
      functools.partial(self.extract, features), styles, lists
    )
    return targets.replace(
      content=self.extract(features, content), masks=tuple(masks)
    )

  def painted_targets(
    self,
    extract: Callable[[jax.Array], jax.Array],
    styles: Sequence[jax.Array],
    lists: Sequence[Sequence[Turned]],
    key: core.Key | None = None,
  ) -> Targets:
    """Return the targets of paintings alone; see `nnst_matches.paint_banks`.

    Args:
      extract: from f32[1, h, w, 3] to hypercolumns.
      styles: f32[1, h, w, 3].
      lists: the orientations that each bank holds.
      key: of the projection; None: a fixed one.
    """
    painted = nnst_matches.paint_banks(extract, styles, lists, self.bank)
    if self.projection and painted:
      key = jax.random.key(0) if key is None else key
      together = nearest.joined([one.bank for one in painted])
      basis = nearest.principal_basis(key, together, self.projection)
      painted = tuple(
        one._replace(bank=nearest.projected(one.bank, basis)) for one in painted
      )
    return Targets((), painted, nnst_colors.contrast(styles))

  def extract(self, features: core.PyTree, pictures: jax.Array) -> jax.Array:
    """Return the hypercolumns f32[B, h, w, C] of f32[B, H, W, 3]."""
    return columns_of.batch_of_hypercolumns(
      self.features, features, pictures, self.layers
    )

  def match(
    self, columns: jax.Array, targets: Targets, share: jax.Array | float = 0.0
  ) -> Matches:
    """Return the matches of cells; see `nnst_matches.match`."""
    return nnst_matches.match(
      columns,
      targets,
      share,
      self.blend,
      candidates=self.candidates,
      chunk=self.chunk,
    )

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
      sums = self._sums(columns, matches, targets, None)
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

  def share(self, clock: jax.Array) -> jax.Array:
    """Return the share of the content in what is matched at a step, f32[]."""
    share = jnp.float32(self.content_share)
    if self.share_schedule is None:
      return share
    return share * self.share_schedule.factor(clock)

  def _sums(self, columns, matches, targets, inside) -> core.PyTree:
    """Return the sums of the losses over the cells of hypercolumns."""
    shape = columns.shape[1:3]
    weights = (
      jnp.ones(shape) if inside is None else losses.shrink(inside, shape)
    )
    return nnst_matches.column_sums(columns, matches, targets, weights)

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
  ) -> tuple[jax.Array, Matches]:
    """Return the pixels in the colors of their matches, and the matches."""
    matches = self.match(self.extract(features, pixels), targets)
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
