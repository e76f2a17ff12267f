"""Style transfer of a picture whose features do not fit into memory.

The losses are functions of sums over all positions (see `losses.style`). A
first pass over the tiles adds up the sums S of the whole picture. The second
pulls the cotangent dL/dS back to the pixels of each tile. With tiles that
overlap by the receptive field of a feature, the result is the gradient of the
whole picture, in the memory of one tile.

The overlap is smaller than that, so features near the border of a tile see less
than they should. Therefore the grid of tiles is moved at random every step: no
pixel stays at a border, and no seam shows.
"""

import dataclasses
import itertools
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from art_jax import core
from art_jax.algorithms import gatys, style_states, trainable
from art_jax.losses.style import SumsStyleLoss

# Pooling of the deepest layer: a grid of multiples of it cuts no window of it.
ALIGN = 16
HALO = 32  # overlap with each neighbor, in pixels


class Cell(NamedTuple):
  """A tile: where its window lies, and the part of it that counts.

  Attributes:
    corner: i32[2], row and column of the window.
    first: i32[2], row and column of its part.
    end: i32[2], behind it.
  """

  corner: Any
  first: Any
  end: Any


class TiledState(struct.PyTreeNode):
  """A large picture that is optimized; nothing here has the size of features.

  Attributes:
    canvas: pixels f32[1, H, W, 3] and their optimizer.
    content: f32[1, H, W, 3].
    features: variables of the feature network.
    targets: of the paintings; `content` is empty.
    clock: i32[], steps taken.
  """

  canvas: trainable.Trainable
  content: jax.Array
  features: Any
  targets: style_states.StyleTargets
  clock: jax.Array


def window_shape(
  shape: tuple[int, int], tile: int, halo: int = HALO
) -> tuple[int, int]:
  """Return height and width of the windows of a picture.

  Raises:
    core.UserError: the tile is no larger than its overlaps.
  """
  core.require(
    tile % ALIGN == 0 and tile >= 2 * halo + 4 * ALIGN,
    f'--tile={tile}: it is a multiple of {ALIGN} pixels and at least '
    f'{2 * halo + 4 * ALIGN}; pass --tile=512',
  )
  height, width = shape
  return min(tile, height), min(tile, width)


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
    algorithm: gatys.Gatys,
    shape: tuple[int, int],
    tile: int,
    halo: int = HALO,
    seed: int = 0,
  ):
    self._algorithm, self._shape, self._halo = algorithm, shape, halo
    self._window = window_shape(shape, tile, halo)
    self._random = np.random.default_rng(seed)
    self._add_sums = jax.jit(
      lambda total, state, cell: jax.tree.map(
        jnp.add, total, self._own_sums(state, cell)
      ),
      donate_argnums=0,
    )
    self._add_gradient = jax.jit(self._gradient_of_tile, donate_argnums=0)
    self._cotangent = jax.jit(jax.grad(self._loss, has_aux=True))
    self._update = jax.jit(self._descend, donate_argnums=0)

  def __call__(
    self, state: TiledState, shift: tuple[int, int] | None = None
  ) -> tuple[TiledState, core.Metrics]:
    """Take one step; the grid is moved by `shift`, or at random."""
    if shift is None:
      limit = math.ceil(max(self._window) / ALIGN)
      shift = tuple(ALIGN * self._random.integers(0, limit, 2))
    grid = cells(self._shape, self._window, self._halo, shift)
    cotangent, _ = self._cotangent(self.sums(state, shift), state.targets)
    total = (jnp.zeros(state.content.shape), self._zeros(state))
    for cell in grid:
      total = self._add_gradient(total, state, cotangent, cell)
    gradient, sums = total
    _, metrics = self._cotangent(sums, state.targets)
    canvas, smooth = self._update(state.canvas, gradient, state.clock)
    metrics['loss/total'] = metrics['loss/total'] + smooth
    if self._algorithm.tv_weight:
      metrics['loss/smoothness'] = smooth
    return state.replace(canvas=canvas, clock=state.clock + 1), metrics

  def sums(self, state: TiledState, shift: tuple[int, int]) -> core.PyTree:
    """Return the sums of the whole picture, all but the content's errors."""
    sums = self._zeros(state)
    for cell in cells(self._shape, self._window, self._halo, shift):
      sums = self._add_sums(sums, state, cell)
    return sums

  def _cut(self, image: jax.Array, cell: Cell) -> jax.Array:
    """Return the window of f32[..., H, W, C], or of f32[H, W]."""
    row, column = cell.corner
    if image.ndim == 2:
      return jax.lax.dynamic_slice(image, (row, column), self._window)
    return jax.lax.dynamic_slice(
      image, (0, row, column, 0), (1, *self._window, image.shape[-1])
    )

  def _inside(self, cell: Cell) -> jax.Array:
    """Return f32[h, w], 1 in the part of the window that counts."""
    rows, columns = (
      (first <= corner + jnp.arange(size)) & (corner + jnp.arange(size) < end)
      for corner, first, end, size in zip(
        cell.corner, cell.first, cell.end, self._window, strict=True
      )
    )
    return (rows[:, None] & columns[None]).astype(jnp.float32)

  def _tile_sums(
    self, state: TiledState, cell: Cell, pixels: jax.Array, content: jax.Array
  ) -> core.PyTree:
    """Return the sums of a tile; all pictures are cut to its window."""
    algorithm = self._algorithm
    targets = state.targets.replace(
      masks=tuple(self._cut(mask, cell) for mask in state.targets.masks),
      content=algorithm.extract(
        state.features, content, algorithm.content_layers
      ),
    )
    return algorithm.sums(state.features, pixels, targets, self._inside(cell))

  def _own_sums(self, state: TiledState, cell: Cell) -> core.PyTree:
    """Return a tile's sums, all but the content's errors.

    The loss is linear in those: their cotangent does not depend on them.
    """
    pixels = self._cut(state.canvas.params['pixels'], cell)
    return self._tile_sums(state, cell, pixels, pixels)

  def _gradient_of_tile(self, total, state: TiledState, cotangent, cell: Cell):
    """Add a tile's part of the gradient, and its sums."""
    gradient, sums = total
    content = self._cut(state.content, cell)
    own, vjp = jax.vjp(
      lambda x: self._tile_sums(state, cell, x, content),
      self._cut(state.canvas.params['pixels'], cell),
    )
    (part,) = vjp(cotangent)
    corner = (0, cell.corner[0], cell.corner[1], 0)
    part += jax.lax.dynamic_slice(gradient, corner, part.shape)
    gradient = jax.lax.dynamic_update_slice(gradient, part, corner)
    return gradient, jax.tree.map(jnp.add, sums, own)

  def _loss(self, sums, targets):
    loss, metrics = self._algorithm.loss(sums, targets)
    return loss, {'loss/total': loss, **metrics}

  def _descend(self, canvas: trainable.Trainable, gradient, clock):
    """Take a step along a gradient plus that of the total variation."""

    def loss_fn(params, collections, batch):
      smooth = self._algorithm.smoothness(params['pixels'])
      loss = jnp.vdot(gradient, params['pixels']) + smooth
      return loss, (collections, smooth)

    return trainable.descend(
      canvas, loss_fn, self._algorithm.optimizer, clock, {}
    )

  def _zeros(self, state: TiledState):
    cell = Cell(*(jnp.zeros(2, jnp.int32) for _ in Cell._fields))
    shapes = jax.eval_shape(self._own_sums, state, cell)
    return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)


def painting_target(
  algorithm: gatys.Gatys,
  features: core.PyTree,
  painting: jax.Array,
  tile: int,
  halo: int = HALO,
) -> Mapping[str, Any]:
  """Return by layer what is kept of a painting f32[1, h, w, 3], by tiles.

  A loss whose target is no function of sums (patches) takes it whole.
  """
  loss, (_, height, width, _) = algorithm.style_loss, painting.shape
  algorithm = dataclasses.replace(algorithm, content_layers=())
  if max(height, width) <= tile or not isinstance(loss, SumsStyleLoss):
    return jax.jit(algorithm.targets)(features, painting, (painting,)).styles[0]
  empty = style_states.StyleTargets(
    {}, ({name: () for name in algorithm.style_layers},)
  )
  canvas = trainable.Trainable({'pixels': painting}, {}, ())
  state = TiledState(canvas, painting, features, empty, jnp.int32(0))
  tiles = Tiles(algorithm, (height, width), tile, halo)
  sums = tiles.sums(state, (0, 0))['styles'][0]
  return {name: loss.from_sums(sums[name]) for name in sums}
