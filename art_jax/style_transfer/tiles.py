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
from art_jax.algorithms import style_states, trainable
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
    canvas: parameters of the pixels f32[1, H, W, 3] and their optimizer.
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
    algorithm: core.PaintsOnePicture,
    shape: tuple[int, int],
    tile: int,
    halo: int = HALO,
    seed: int = 0,
  ):
    self._algorithm, self._shape, self._halo = algorithm, shape, halo
    self._window = window_shape(shape, tile, halo)
    self._random = np.random.default_rng(seed)
    self._add_sums = jax.jit(
      lambda total, state, pixels, cell: jax.tree.map(
        jnp.add, total, self._statistics(state, pixels, cell)
      ),
      donate_argnums=0,
    )
    self._pixels = jax.jit(algorithm.pixels)
    self._informed = jax.jit(
      lambda state, sums, clock: state.replace(
        targets=algorithm.informed(state.targets, sums, clock)
      )
    )
    self._add_settled = jax.jit(self._settle_tile, donate_argnums=0)
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
    pixels = self._pixels(state.canvas.params)
    sums = self._sum_up(state, pixels, shift)
    cotangent, _ = self._cotangent(sums, state.targets)
    seen = self._informed(state, sums, state.clock)
    total = (jnp.zeros(state.content.shape), self._zeros(state, pixels))
    for cell in grid:
      total = self._add_gradient(total, seen, pixels, cotangent, cell)
    gradient, sums = total
    _, metrics = self._cotangent(sums, state.targets)
    canvas, smooth = self._update(state.canvas, gradient, state.clock)
    metrics['loss/total'] = metrics['loss/total'] + smooth
    if self._algorithm.tv_weight:
      metrics['loss/smoothness'] = smooth
    return state.replace(canvas=canvas, clock=state.clock + 1), metrics

  def sums(self, state: TiledState, shift: tuple[int, int]) -> core.PyTree:
    """Return the statistics of the whole picture, see `statistics`."""
    return self._sum_up(state, self._pixels(state.canvas.params), shift)

  def settled(self, state: TiledState) -> jax.Array:
    """Return the picture f32[1, H, W, 3] that a scale ends with."""
    pixels = self._pixels(state.canvas.params)
    sums = self._sum_up(state, pixels, (0, 0))
    seen = self._informed(state, sums, state.clock)
    result = jnp.zeros(pixels.shape)
    for cell in cells(self._shape, self._window, self._halo, (0, 0)):
      result = self._add_settled(result, seen, pixels, cell)
    return result

  def _sum_up(self, state: TiledState, pixels: jax.Array, shift) -> core.PyTree:
    sums = self._zeros(state, pixels)
    for cell in cells(self._shape, self._window, self._halo, shift):
      sums = self._add_sums(sums, state, pixels, cell)
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

  def _targets(self, state: TiledState, cell: Cell) -> Any:
    """Return the targets with all pictures cut to the window of a tile."""
    return self._masked(state, cell).replace(
      content=self._algorithm.content_targets(
        state.features, self._cut(state.content, cell)
      )
    )

  def _masked(self, state: TiledState, cell: Cell) -> Any:
    masks = tuple(self._cut(mask, cell) for mask in state.targets.masks)
    return state.targets.replace(masks=masks)

  def _statistics(
    self, state: TiledState, pixels: jax.Array, cell: Cell
  ) -> core.PyTree:
    """Return what of a tile's sums the cotangents depend on."""
    return self._algorithm.statistics(
      state.features,
      self._cut(pixels, cell),
      self._masked(state, cell),
      self._inside(cell),
    )

  def _settle_tile(self, result, state: TiledState, pixels, cell: Cell):
    """Add a tile, as a scale ends with it, where it counts."""
    tile = self._algorithm.settle(
      state.features, self._cut(pixels, cell), self._targets(state, cell)
    )
    corner = (0, cell.corner[0], cell.corner[1], 0)
    tile = tile * self._inside(cell)[..., None]
    tile += jax.lax.dynamic_slice(result, corner, tile.shape)
    return jax.lax.dynamic_update_slice(result, tile, corner)

  def _gradient_of_tile(
    self, total, state: TiledState, pixels, cotangent, cell: Cell
  ):
    """Add a tile's part of the gradient, and its sums."""
    gradient, sums = total
    targets, inside = self._targets(state, cell), self._inside(cell)
    own, vjp = jax.vjp(
      lambda x: self._algorithm.sums(state.features, x, targets, inside),
      self._cut(pixels, cell),
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
      pixels = self._algorithm.pixels(params)
      smooth = self._algorithm.smoothness(pixels)
      loss = jnp.vdot(gradient, pixels) + smooth
      return loss, (collections, smooth)

    return trainable.descend(
      canvas, loss_fn, self._algorithm.optimizer, clock, {}
    )

  def _zeros(self, state: TiledState, pixels: jax.Array):
    cell = Cell(*(jnp.zeros(2, jnp.int32) for _ in Cell._fields))
    shapes = jax.eval_shape(self._statistics, state, pixels, cell)
    return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)


def painting_target(
  algorithm: Any,
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
