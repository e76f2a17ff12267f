"""Pictures for people: the only place that leaves [-1, 1].

Files are sRGB, as the pictures that models learn from; no profile says so,
since readers take a file without one for sRGB.
"""

import io
import math
import os
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, PngImagePlugin

from art_jax import core
from art_jax.core.paths import write_atomic

_NAN_COLOR = (255, 0, 255)  # magenta; white in a gray picture
# A GIF counts in 1/100 s, and viewers slow anything shorter than 2 down.
_MAX_GIF_FPS = 50


def to_uint8(images: np.ndarray, *, mark_nan: bool = False) -> np.ndarray:
  """Convert pictures to bytes: round((x + 1) * 127.5), clipped to [0, 255].

  Args:
    images: float[..., H, W, C] in [-1, 1], C is 1 or 3; values outside are
      clipped, infinite ones too.
    mark_nan: paint pixels that hold a NaN magenta (white if C is 1), for
      pictures of a run that must not stop for them.

  Returns:
    u8[..., H, W, C].

  Raises:
    UserError: the dtype is not a float, the shape is no picture's, or a
      value is NaN and `mark_nan` is False.
  """
  images = np.asarray(images)
  # bfloat16 is no np.floating, but casts like one.
  core.require(
    images.dtype.kind not in 'biucOSU',
    f'pictures of dtype {images.dtype}: to_uint8 takes floats in [-1, 1]; '
    'convert bytes with from_uint8 first',
  )
  _require_channels(images)
  images = images.astype(np.float32)
  nan = np.asarray(np.isnan(images).any(axis=-1))
  if nan.any() and not mark_nan:
    raise core.UserError(
      f'pictures of shape {images.shape} hold {int(nan.sum())} NaN pixels, '
      f'the first at {tuple(map(int, np.argwhere(nan)[0]))}: pixels are '
      'numbers in [-1, 1]; use weights from before the training diverged'
    )
  scaled = np.clip((images + 1) * 127.5, 0, 255)
  result = np.rint(np.where(nan[..., None], 0, scaled)).astype(np.uint8)
  result[nan] = _NAN_COLOR if images.shape[-1] == 3 else (255,)
  return result


def to_float(images):
  """Map u8 pixels 0..255 to f32 in [-1, 1]; NumPy and JAX arrays alike.

  The same as x / 127.5 - 1, but with a single rounding, so that hosts and
  devices agree in every bit and the ends are exactly -1 and 1.
  """
  return (2 * images.astype('float32') - 255) * np.float32(1 / 255)


def from_uint8(images: np.ndarray) -> np.ndarray:
  """Convert u8[...] in [0, 255] to f32[...] in [-1, 1]; see `to_float`.

  Raises:
    UserError: the dtype is not uint8.
  """
  images = np.asarray(images)
  _require_bytes(images)
  return to_float(images)


def of_pillow(picture: Image.Image, channels: int) -> np.ndarray:
  """Return a Pillow picture as u8[H, W, channels]: 1 is gray, 3 is RGB."""
  pixels = np.asarray(picture.convert('L' if channels == 1 else 'RGB'))
  return pixels.reshape(*pixels.shape[:2], channels)


def shape_of(
  image: Image.Image, longest: float, unit: int, both: bool = False
) -> tuple[int, int]:
  """Return the height and width of a picture whose longest side is given.

  The height (and with `both` the width) is a multiple of `unit`.
  """
  scale = longest / max(image.size)

  def fit(extent, unit):
    return max(round(extent * scale / unit), 1) * unit

  return fit(image.height, unit), fit(image.width, unit if both else 1)


def resized(image: Image.Image, shape: tuple[int, int]) -> np.ndarray:
  """Return a Pillow picture as f32[*shape, C] in [-1, 1], resized."""
  height, width = shape
  image = image.resize((width, height), Image.Resampling.LANCZOS)
  return from_uint8(np.asarray(image).reshape(height, width, -1))


def grid(
  images: np.ndarray, columns: int | None = None, pad: int = 2
) -> np.ndarray:
  """Lay pictures out row by row on white.

  Args:
    images: u8[N, H, W, C], N >= 1, C is 1 or 3.
    columns: pictures in a row, >= 1; None makes the grid about square.
    pad: white pixels around each picture, >= 0.

  Returns:
    u8[rows * (H + pad) + pad, columns * (W + pad) + pad, 3].

  Raises:
    UserError: an argument is outside its range.
  """
  images = np.asarray(images)
  _require_bytes(images)
  _require_channels(images)
  core.require(
    images.ndim == 4 and len(images),
    f'pictures of shape {images.shape}: a grid takes [N, H, W, C] with '
    'N >= 1; add the leading axis',
  )
  if pad < 0 or columns is not None and columns < 1:
    raise core.UserError(
      f'columns={columns}, pad={pad}: columns is >= 1 and pad is >= 0; pass '
      'such values'
    )
  count, height, width, _ = images.shape
  columns = min(columns or math.ceil(math.sqrt(count)), count)
  rows = math.ceil(count / columns)
  tiles = np.full((rows * columns, height + pad, width + pad, 3), 255, np.uint8)
  tiles[:count, pad:, pad:] = images  # gray is broadcast to three channels
  tiles = tiles.reshape(rows, columns, height + pad, width + pad, 3)
  sheet = tiles.transpose(0, 2, 1, 3, 4).reshape(
    rows * (height + pad), columns * (width + pad), 3
  )
  return np.pad(sheet, ((0, pad), (0, pad), (0, 0)), constant_values=255)


def save_png(
  path: os.PathLike | str,
  image: np.ndarray,
  notes: Mapping[str, str] | None = None,
) -> None:
  """Write u8[H, W, C], C is 1 or 3, as PNG; a reader never sees half a file.

  Args:
    path: local or gs:// path; folders are made.
    image: the pixels.
    notes: texts by keyword, kept in the file beside the pixels.

  Raises:
    UserError: the dtype or the shape is not a picture's.
  """
  write_atomic(path, png_bytes(image, notes))


def png_bytes(
  image: np.ndarray, notes: Mapping[str, str] | None = None
) -> bytes:
  """Return the bytes of the file that `save_png` writes."""
  data, chunks = io.BytesIO(), PngImagePlugin.PngInfo()
  for keyword, text in (notes or {}).items():
    chunks.add_text(keyword, text)
  as_pillow(image).save(data, 'PNG', pnginfo=chunks)
  return data.getvalue()


def png_note(path: os.PathLike | str, keyword: str) -> str | None:
  """Return a text of a PNG by its keyword; None: there is none, or no PNG."""
  try:
    with Image.open(path, formats=('PNG',)) as image:
      return image.info.get(keyword)
  # A broken file can raise nearly anything in a decoder.
  except Exception:
    return None


def gif(
  path: os.PathLike | str, frames: Sequence[np.ndarray], fps: float
) -> None:
  """Write an endless animation; a reader never sees half a file.

  Args:
    path: local or gs:// path; folders are made.
    frames: u8[H, W, C] each, of one shape; C is 1 or 3.
    fps: frames a second in (0, 50]; durations are rounded to 1/100 s.

  Raises:
    UserError: no frames, unequal shapes, or fps outside its range.
  """
  core.require(
    0 < fps <= _MAX_GIF_FPS,
    f'fps={fps}: a GIF shows more than 0 and up to {_MAX_GIF_FPS} frames a '
    'second; pass such a value',
  )
  shapes = {np.shape(frame) for frame in frames}
  core.require(
    len(shapes) == 1,
    f'{len(frames)} frames of shapes {sorted(shapes)}: a GIF has at least '
    'one frame and all are of one shape; resize them',
  )
  first, *rest = (as_pillow(frame) for frame in frames)
  data = io.BytesIO()
  first.save(
    data,
    'GIF',
    save_all=True,
    append_images=rest,
    duration=round(100 / fps) * 10,
    loop=0,
  )
  write_atomic(path, data.getvalue())


def as_pillow(image: np.ndarray) -> Image.Image:
  """Return u8[H, W, C] as a picture; raises UserError."""
  image = np.asarray(image)
  _require_bytes(image)
  _require_channels(image)
  core.require(
    image.ndim == 3,
    f'a picture of shape {image.shape}: a file holds one of [H, W, C]; '
    'write them one by one or as a grid',
  )
  return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def _require_bytes(images: np.ndarray) -> None:
  core.require(
    images.dtype == np.uint8,
    f'pictures of dtype {images.dtype}: bytes (uint8) are needed; convert '
    'floats in [-1, 1] with to_uint8 first',
  )


def _require_channels(images: np.ndarray) -> None:
  core.require(
    images.ndim >= 3 and images.shape[-1] in (1, 3),
    f'pictures of shape {images.shape}: the last axes are [H, W, C] with '
    '1 (gray) or 3 (RGB) channels; convert or transpose them',
  )
