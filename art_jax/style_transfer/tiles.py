"""Style transfer of a picture whose features do not fit into memory.

The losses are functions of sums over all positions (see `losses.style`). One
pass over the tiles adds up the sums S of the whole picture; the derivative
dL/dS says what a unit of each sum is worth; a second pass pulls it back to the
pixels of each tile. With tiles that overlap by what a feature sees, that is the
gradient of the whole picture, in the memory of one tile.

The overlap is smaller than that, so a tile's features near its border see less
than they should. Therefore the grid of tiles is moved at random every step: no
pixel stays at a border, and no seam shows.
"""

import dataclasses
import itertools
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import flax
import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.algorithms import trainable
from art_jax.algorithms.gatys import Gatys
from art_jax.algorithms.style_states import StyleTargets
from art_jax.algorithms.trainable import Trainable

# Pooling of the deepest layer: a grid of multiples of it cuts no window of it.
ALIGN = 16
HALO = 32  # overlap with each neighbour, in pixels


class Cell(NamedTuple):
  """A tile: where its window lies, and the part of it that it stands for.

  Attributes:
    corner: i32[2], row and column of the window.
    first: i32[2], row and column of its part.
    end: i32[2], behind it.
  """

  corner: Any
  first: Any
  end: Any


class TiledState(flax.struct.PyTreeNode):
  """A large picture in the making; nothing here has the size of features.

  Attributes:
    canvas: pixels f32[1, H, W, 3] and their optimiser.
    content: f32[1, H, W, 3].
    features: variables of the feature network.
    targets: of the paintings; `content` is empty.
    clock: i32[], steps taken.
  """

  canvas: Trainable
  content: jax.Array
  features: Any
  targets: StyleTargets
  clock: jax.Array


def window_shape(
  shape: tuple[int, int], tile: int, halo: int = HALO
) -> tuple[int, int]:
  """Return height and width of the windows of a picture.

  Raises:
    core.UserError: the tile is no larger than its overlaps.
  """
  if tile % ALIGN or tile < 2 * halo + 4 * ALIGN:
    raise core.UserError(
      f'--tile={tile}: it is a multiple of {ALIGN} pixels and at least '
      f'{2 * halo + 4 * ALIGN}; pass --tile=512'
    )
  return tuple(min(tile, extent) for extent in shape)


def cells(
  shape: tuple[int, int],
  window: tuple[int, int],
  halo: int,
  shift: tuple[int, int],
) -> list[Cell]:
  """Cut a picture into tiles; every pixel is part of exactly one.

  Args:
    shape: height and width of the picture.
    window: of a tile.
    halo: pixels by which a window exceeds its part where it can.
    shift: by which the grid is moved, in multiples of ALIGN.
  """
  axes = []
  for extent, size, offset in zip(shape, window, shift, strict=True):
    if size >= extent:
      axes.append([(0, 0, extent)])
      continue
    part = size - 2 * halo
    edges = sorted({0, extent, *range(offset % part, extent, part)})
    axes.append(
      [
        (min(max(first - halo, 0), extent - size), first, end)
        for first, end in itertools.pairwise(edges)
      ]
    )
  return [
    Cell(*(np.array(pair, np.int32) for pair in zip(row, column, strict=True)))
    for row, column in itertools.product(*axes)
  ]


class Tiles:
  """Takes steps on a TiledState; three functions, each compiled once a size."""

  def __init__(
    self,
    algorithm: Gatys,
    shape: tuple[int, int],
    tile: int,
    halo: int = HALO,
    seed: int = 0,
  ):
    self._algorithm, self._shape, self._halo = algorithm, shape, halo
    self._window = window_shape(shape, tile, halo)
    self._random = np.random.default_rng(seed)
    self._add_sums = jax.jit(self._sums_of_tile, donate_argnums=0)
    self._add_gradient = jax.jit(self._gradient_of_tile, donate_argnums=0)
    self._worth = jax.jit(jax.grad(self._loss, has_aux=True))
    self._update = jax.jit(self._descend, donate_argnums=0)

  def __call__(
    self, state: TiledState, shift: tuple[int, int] | None = None
  ) -> tuple[TiledState, core.Metrics]:
    """Take one step; the grid is moved by `shift`, or at random."""
    if shift is None:
      limit = math.ceil(max(self._window) / ALIGN)
      shift = tuple(ALIGN * self._random.integers(0, limit, 2))
    grid = cells(self._shape, self._window, self._halo, shift)
    worth, _ = self._worth(self.sums(state, shift), state.targets)
    total = (jnp.zeros(state.content.shape), self._zeros(state))
    for cell in grid:
      total = self._add_gradient(total, state, worth, cell)
    gradient, sums = total
    _, metrics = self._worth(sums, state.targets)
    canvas, smooth = self._update(state.canvas, gradient, state.clock)
    metrics['loss/total'] = metrics['loss/total'] + smooth
    if self._algorithm.tv_weight:
      metrics['loss/smoothness'] = smooth
    state = state.replace(canvas=canvas, clock=state.clock + 1)
    return state, metrics

  def sums(self, state: TiledState, shift: tuple[int, int]) -> core.PyTree:
    """Return the sums of the whole picture, all but the content's errors."""
    sums = self._zeros(state)
    for cell in cells(self._shape, self._window, self._halo, shift):
      sums = self._add_sums(sums, state, cell)
    return sums

  def _cut(self, image: jax.Array, cell: Cell) -> jax.Array:
    """Return the window of f32[..., H, W, C], or of f32[H, W]."""
    plain = image.ndim == 2
    image = image[None, ..., None] if plain else image
    at = (0, cell.corner[0], cell.corner[1], 0)
    size = (1, *self._window, image.shape[-1])
    window = jax.lax.dynamic_slice(image, at, size)
    return window[0, ..., 0] if plain else window

  def _inside(self, cell: Cell) -> jax.Array:
    """Return f32[h, w], 1 in the part that the tile stands for."""
    rows, columns = (
      (first <= corner + jnp.arange(size)) & (corner + jnp.arange(size) < end)
      for corner, first, end, size in zip(
        cell.corner, cell.first, cell.end, self._window, strict=True
      )
    )
    return (rows[:, None] & columns[None]).astype(jnp.float32)

  def _local(self, state: TiledState, cell: Cell) -> StyleTargets:
    masks = tuple(self._cut(mask, cell) for mask in state.targets.masks)
    return state.targets.replace(masks=masks)

  def _tile_sums(self, state, pixels, targets, cell):
    return self._algorithm.sums(
      state.features, pixels, targets, self._inside(cell)
    )

  def _sums_of_tile(self, total, state: TiledState, cell: Cell):
    """Add a tile's sums, all but the content's errors.

    The loss is linear in those: what they are worth is known without them.
    """
    pixels = self._cut(state.canvas.params['pixels'], cell)
    targets = self._local(state, cell)
    algorithm = self._algorithm
    own = algorithm.extract(state.features, pixels, algorithm.content_layers)
    targets = targets.replace(content=own)
    sums = self._tile_sums(state, pixels, targets, cell)
    return jax.tree.map(jnp.add, total, sums)

  def _gradient_of_tile(self, total, state: TiledState, worth, cell: Cell):
    """Add a tile's part of the gradient, and its sums."""
    gradient, sums = total
    algorithm = self._algorithm
    content = algorithm.extract(
      state.features, self._cut(state.content, cell), algorithm.content_layers
    )
    targets = self._local(state, cell).replace(content=content)
    pixels = self._cut(state.canvas.params['pixels'], cell)
    found, pull = jax.vjp(
      lambda x: self._tile_sums(state, x, targets, cell), pixels
    )
    (part,) = pull(worth)
    at = (0, cell.corner[0], cell.corner[1], 0)
    part += jax.lax.dynamic_slice(gradient, at, part.shape)
    gradient = jax.lax.dynamic_update_slice(gradient, part, at)
    return gradient, jax.tree.map(jnp.add, sums, found)

  def _loss(self, sums, targets):
    loss, metrics = self._algorithm.loss(sums, targets)
    return loss, {'loss/total': loss, **metrics}

  def _descend(self, canvas: Trainable, gradient, clock):
    """Step along a given gradient, and the total variation's."""

    def loss_fn(params, collections, batch):
      del batch
      smooth = self._algorithm.smoothness(params['pixels'])
      return jnp.vdot(gradient, params['pixels']) + smooth, (
        collections,
        smooth,
      )

    return trainable.descend(
      canvas, loss_fn, self._algorithm.optimizer, clock, {}
    )

  def _zeros(self, state: TiledState):
    shapes = _sums_shapes(self._algorithm, self._window, state)
    return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)


def painting_target(
  algorithm: Gatys,
  features: core.PyTree,
  painting: jax.Array,
  tile: int,
  halo: int = HALO,
) -> Mapping[str, Any]:
  """Return by layer what is kept of a painting f32[1, h, w, 3], by tiles.

  A loss whose target is no function of sums (patches) takes it whole.
  """
  loss, shape = algorithm.style_loss, painting.shape[1:3]
  algorithm = dataclasses.replace(algorithm, content_layers=())
  if max(shape) <= tile or not hasattr(loss, 'from_sums'):
    whole = jax.jit(algorithm.targets)(features, painting, (painting,))
    return whole.styles[0]
  empty = StyleTargets({}, ({name: () for name in algorithm.style_layers},))
  canvas = Trainable({'pixels': painting}, {}, ())
  state = TiledState(canvas, painting, features, empty, jnp.int32(0))
  worker = Tiles(algorithm, shape, tile, halo)
  sums = worker.sums(state, (0, 0))['styles'][0]
  return {name: loss.from_sums(sums[name]) for name in sums}


def _sums_shapes(algorithm: Gatys, window: tuple[int, int], state: TiledState):
  pixels = jax.ShapeDtypeStruct((1, *window, 3), jnp.float32)

  def sums(features, pixels, targets):
    own = algorithm.extract(features, pixels, algorithm.content_layers)
    masks = tuple(jnp.ones(window) for _ in targets.masks)
    targets = targets.replace(content=own, masks=masks)
    return algorithm.sums(features, pixels, targets)

  return jax.eval_shape(sums, state.features, pixels, state.targets)
