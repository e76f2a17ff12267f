"""Pictures of any size and type for networks that take some sizes only."""

import functools
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from art_jax import core
from art_jax.inference import large
from art_jax.media import images as image_values

_DOUBLINGS = 6

Converter = Callable[[np.ndarray], np.ndarray]


def translate(
  function: large.Function,
  params: Any,
  images: Any,
  multiple: int,
  folder: str | pathlib.Path | None = None,
) -> np.ndarray:
  """Apply a network to pictures of any size, in tiles where they are too large.

  Args:
    function: maps params and f32[N, H, W, C] to the same height and width.
    params: of the network.
    images: u8[N, H, W, C] in 0..255 or f32 in [-1, 1], or one of them.
    multiple: of which H and W are multiples inside.
    folder: for scratch files; None: the system's.

  Raises:
    core.UserError: they are no pictures.
    scratch.TooLargeError: one is too large for the network.
  """

  def make(x, convert, finish):
    if large.fits(function, params, x.shape, multiple):
      return finish(np.asarray(jax.jit(function)(params, convert(x))))
    if len(x) > 1:
      return np.concatenate([make(one[None], convert, finish) for one in x])
    made = large.translate(
      function,
      params,
      x[0],
      multiple,
      convert=convert,
      finish=finish,
      folder=None if folder is None else pathlib.Path(folder),
    )
    return made[None]

  least = least_side(function, params, np.shape(images), multiple)
  return padded(images, multiple, make, least)


def padded(
  images: Any,
  multiple: int,
  make: Callable[[np.ndarray, Converter, Converter], np.ndarray],
  least: int = 0,
) -> np.ndarray:
  """Apply a function of padded pictures to pictures of any size.

  Args:
    images: [N, H, W, C], or [H, W, C].
    multiple: see `pad_to_multiple`.
    make: from padded pictures, what converts them to f32 in [-1, 1] and what
      converts f32 back, to pictures of the same size.
    least: see `pad_to_multiple`.

  Raises:
    core.UserError: they have another shape or type.
  """
  images = np.asarray(images)
  require_pictures(images)
  if images.ndim == 3:
    return padded(images[None], multiple, make, least)[0]
  x, crop = pad_to_multiple(images, multiple, least)
  if images.dtype == np.uint8:
    converters = image_values.from_uint8, image_values.to_uint8
  else:
    converters = functools.partial(np.asarray, dtype=np.float32), np.asarray
  return make(x, *converters)[crop]


def require_pictures(images: Any, channels: int | None = None) -> None:
  """Raise UserError unless these are pictures that a model takes.

  Args:
    images: u8 or f32, [N, H, W, C] or [H, W, C].
    channels: that the model has; None: any.
  """
  images = np.asarray(images)
  core.require(
    images.ndim in (3, 4) and 0 not in images.shape[-3:],
    f'images of shape {images.shape}: pass [N, H, W, C] or [H, W, C], both '
    'sides at least 1',
  )
  # bfloat16 is no np.floating; other integers would pass for [-1, 1].
  core.require(
    images.dtype == np.uint8 or images.dtype.kind not in 'biucOSU',
    f'images of dtype {images.dtype}: pictures are bytes (uint8) in 0..255 or '
    'floats in [-1, 1]; convert them, bytes with .astype(np.uint8)',
  )
  core.require(
    channels in (None, images.shape[-1]),
    f'images of shape {images.shape}: this model has {channels} channel(s), '
    f'{"gray" if channels == 1 else "RGB"}; convert them to [..., {channels}]',
  )


def pad_to_multiple(
  images: np.ndarray, multiple: int, least: int = 0
) -> tuple[np.ndarray, tuple[slice, ...]]:
  """Pad height and width by reflection, evenly on both sides.

  A picture with a side of `multiple` pixels or fewer is padded by its edges.

  Args:
    images: [N, H, W, C].
    multiple: of which the new H and W are the next multiples.
    least: the smallest new H and W, a multiple of it.

  Returns:
    The padded pictures, and the index that cuts the old extent out again.
  """
  pads, cut = [(0, 0)], [slice(None)]
  for extent in images.shape[1:3]:
    extra = max(-extent % multiple, least - extent)
    pads.append((extra // 2, extra - extra // 2))
    cut.append(slice(extra // 2, extra // 2 + extent))
  mode = 'reflect' if min(images.shape[1:3]) > multiple else 'edge'
  return np.pad(images, [*pads, (0, 0)], mode=mode), tuple(cut)


def least_side(
  function: large.Function, params: Any, shape: tuple[int, ...], multiple: int
) -> int:
  """Return the smallest side that a network takes, as far as it matters.

  Most networks take sides of `multiple` pixels; some pad by reflection inside,
  which needs more.

  Args:
    function: maps params and f32[N, H, W, C] to the same height and width.
    params: of the network.
    shape: of the pictures, [..., H, W, C].
    multiple: of which the result is 1, 2, 4, ... times.
  """
  # No reflection inside is wider than that.
  if min(shape[-3:-1]) > max(multiple, 16):
    return multiple
  for doubling in range(_DOUBLINGS):
    side = multiple * 2**doubling
    image = jax.ShapeDtypeStruct((1, side, side, shape[-1]), 'float32')
    try:
      jax.eval_shape(function, params, image)
    except ValueError:
      continue
    return side
  return multiple
