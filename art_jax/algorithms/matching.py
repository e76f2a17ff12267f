"""How painted cells are found for the cells of a picture."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from art_jax import core
from art_jax.algorithms import (
  fields,
  nnst_colors,
  nnst_matches,
  optim,
  style_states,
)
from art_jax.algorithms.nnst_matches import Matches, Targets
from art_jax.losses import hypercolumns as columns_of
from art_jax.nn import laplacian, nearest, vgg
from art_jax.nn.field import TURNS, Turned

_LAYERS = tuple(
  f'relu{block}_{i}'
  for block, count in ((1, 2), (2, 2), (3, 3), (4, 3))
  for i in range(1, count + 1)
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Matching:
  """Nearest neighbors of hypercolumns, centered, by cosine.

  Reference: Kolkin et al. 2022, arXiv:2203.13215, sections 3.2 and 3.3.

  Attributes:
    features: the network.
    weights: name (`art_jax fetch`) or path of its weights; '': random
      ones, which is for tests.
    layers: of a hypercolumn (paper: all from conv1_1 to conv4_3).
    color_weight: of the mean color of a cell, three more numbers of its
      hypercolumn, in units of the features; 0, as in the paper: none. Plain
      cells, whose features hardly differ, then take a cell of their own shade.
      Centered hypercolumns of Oxford's VGG-16 have a length of about 15,000.
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
  """

  features: vgg.VGG = vgg.VGG(16, padding='reflect')
  weights: str = 'vgg16'
  layers: tuple[str, ...] = _LAYERS
  color_weight: float = 0.0
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

  def __post_init__(self):
    fields.require_all(
      self,
      ('layers', bool(self.layers), 'names a layer'),
      ('color_weight', self.color_weight >= 0, 'is >= 0'),
      ('content_share', 0 <= self.content_share < 1, 'is in [0, 1)'),
      (
        'turns',
        self.turns and set(self.turns) <= set(range(TURNS)),
        'names orientations 0 to 7',
        'pass --set "algorithm.turns=(0, 4)"',
      ),
      ('projection', self.projection >= 0, 'is >= 0'),
      *(
        (name, getattr(self, name) >= 1, 'is at least 1')
        for name in ('rematch', 'candidates', 'chunk', 'bank')
      ),
    )
    fields.require_shares(self.blend)
    fields.require_known_layers(self.features, self.layers)

  def pretrained(self, read_picture: core.PictureReader) -> core.PyTree:
    """Return the feature network's variables, read from their file.

    Raises:
      core.UserError: saying how to get them, if they are absent.
    """
    return style_states.load_features(self)

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
    targets = self.painted_targets(
      functools.partial(self.extract, features), styles, self._lists(styles)
    )
    return targets.replace(
      content=self.extract(features, content), masks=tuple(masks)
    )

  def large_targets(
    self,
    features: core.PyTree,
    styles: Sequence[jax.Array],
    masks: Sequence[jax.Array],
    tile: int,
    in_tiles: Callable[[jax.Array], Any],
  ) -> Targets:
    """Return the targets of a picture in tiles, without its content.

    A painting's cells are no sums: `in_tiles` is not used.
    """
    extract = jax.jit(functools.partial(self.extract, features))
    targets = self.painted_targets(
      lambda x: columns_of.in_blocks(extract, x, tile),
      styles,
      self._lists(styles),
    )
    return targets.replace(masks=tuple(masks))

  def content_targets(
    self, features: core.PyTree, content: jax.Array
  ) -> jax.Array:
    """Return the hypercolumns of the content f32[B, H, W, 3]."""
    return self.extract(features, content)

  def _lists(self, styles) -> list[list[Turned]]:
    numbers = range(len(styles))
    return [[Turned(n, turn) for turn in self.turns] for n in numbers]

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
    columns = columns_of.batch_of_hypercolumns(
      self.features, features, pictures, self.layers
    )
    if not self.color_weight:
      return columns
    colors = laplacian.resized(pictures, columns.shape[1:3])
    return jnp.concatenate([columns, self.color_weight * colors], -1)

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

  def share(self, clock: jax.Array) -> jax.Array:
    """Return the share of the content in what is matched at a step, f32[]."""
    share = jnp.float32(self.content_share)
    if self.share_schedule is None:
      return share
    return share * self.share_schedule.factor(clock)
