"""Pictures of any size through a network: whole where they fit, else in tiles.

What a network needs for a picture is measured: the memory plan that XLA makes
for a small one, times the ratio of what is alive at once in both.
"""

import functools
import math
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import psutil

from art_jax.devices import memory
from art_jax.inference import scratch, stages, tiles

# Of a picture on a CPU, beside the program and the picture itself: together
# they stay below 4 GiB.
_MOST = 3 * 2**30
_SMALL = 2**20  # pixels that fit whatever the network
_PROBE = 512  # side, in pixels, of the picture that is measured

Function = Callable[[Any, jax.Array], jax.Array]


def limit() -> int:
  """Return the bytes that the network may use for a picture."""
  stats = jax.devices()[0].memory_stats() or {}
  if 'bytes_limit' in stats:
    return int(0.8 * (stats['bytes_limit'] - stats['bytes_in_use']))
  free = min(psutil.virtual_memory().available, memory.total() or math.inf)
  return int(min(_MOST, free / 2))


def fits(
  function: Function, params: Any, shape: tuple[int, ...], multiple: int
) -> bool:
  """Tell whether pictures f32[*shape] can be translated whole.

  Args:
    function: maps params and f32[N, H, W, C] to the same height and width.
    params: of the network.
    shape: N, H, W, C.
    multiple: of which H and W are multiples.
  """
  if math.prod(shape[:3]) <= _SMALL:
    return True
  return needs(function, params, shape, multiple) <= limit()


def needs(
  function: Function, params: Any, shape: tuple[int, ...], multiple: int
) -> int:
  """Return the bytes that a network needs for pictures f32[*shape]."""
  side = max(_PROBE // multiple, 2) * multiple
  probe = (1, *(min(side, extent) for extent in shape[1:3]), shape[3])
  shapes = _Shapes(function, params)
  ratio = _alive(shapes, shape) / _alive(shapes, probe)
  return int(_measured(shapes, probe) * ratio)


def require_fits(
  function: Function, params: Any, shape: tuple[int, ...], multiple: int
) -> None:
  """Raise a TooLargeError unless pictures f32[*shape] `fits`."""
  if not fits(function, params, shape, multiple):
    raise _too_large(function, params, shape[1:], multiple)


def translate(
  function: Function,
  params: Any,
  picture: np.ndarray,
  multiple: int,
  *,
  convert: Callable[[np.ndarray], np.ndarray],
  finish: Callable[[np.ndarray], np.ndarray],
  folder: pathlib.Path | None = None,
) -> np.ndarray:
  """Translate one picture [H, W, C] that does not fit; see `tiles.Picture`.

  Raises:
    scratch.TooLargeError: the network cannot work in tiles, or there is no room
      for scratch files.
  """
  try:
    work = tiles.Picture(
      function,
      params,
      picture.shape,
      multiple,
      folder=folder,
      tile_bytes=min(tiles.TILE_BYTES, limit() // 4),
    )
    return work.translate(picture, convert, finish)
  except stages.NotLocalError as error:
    raise _too_large(function, params, picture.shape, multiple) from error


def _too_large(function, params, shape, multiple) -> scratch.TooLargeError:
  height, width, channels = shape
  needed, most = needs(function, params, (1, *shape), multiple), limit()
  side = int(math.sqrt(height * width * most / needed) // multiple) * multiple
  while side > multiple and most < needs(
    function, params, (1, side, side, channels), multiple
  ):
    side = int(0.9 * side // multiple) * multiple
  return scratch.TooLargeError(
    f'{width}x{height} pixels need {needed / 2**30:.1f} GiB and '
    f'{most / 2**30:.1f} may be used: this network sees the whole picture at '
    f'once and cannot work in tiles; pass one of at most {side}x{side} pixels'
  )


class _Shapes:
  """A function and the shapes of its params: a key of caches."""

  def __init__(self, function: Function, params: Any):
    leaves, self._tree = jax.tree.flatten(params)
    self._leaves = tuple((x.shape, x.dtype) for x in leaves)
    self.function = function

  def __hash__(self) -> int:
    return hash((self.function, self._tree, self._leaves))

  def __eq__(self, other: object) -> bool:
    return isinstance(other, _Shapes) and vars(self) == vars(other)

  def arguments(self, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Return abstract params and pictures f32[*shape]."""
    leaves = [jax.ShapeDtypeStruct(*leaf) for leaf in self._leaves]
    image = jax.ShapeDtypeStruct(shape, 'float32')
    return jax.tree.unflatten(self._tree, leaves), image


@functools.lru_cache(maxsize=8)
def _measured(shapes: _Shapes, shape: tuple[int, ...]) -> int:
  """Return the bytes that XLA plans for pictures f32[*shape]."""
  lowered = jax.jit(shapes.function).lower(*shapes.arguments(shape))
  plan = memory.needs(lowered.compile())
  return plan['temporaries'] + plan['outputs'] + 4 * math.prod(shape)


@functools.lru_cache(maxsize=64)
def _alive(shapes: _Shapes, shape: tuple[int, ...]) -> int:
  """Return the most bytes that are alive at once, if none were fused."""
  jaxpr = jax.make_jaxpr(shapes.function)(*shapes.arguments(shape)).jaxpr
  return stages.peak_bytes(jaxpr.eqns, jaxpr.outvars)
