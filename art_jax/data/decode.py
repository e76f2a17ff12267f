"""One picture file to one array: the only decoder and the only resizer.

Files are hostile until decoded: their bytes and pixels are capped before any
pixel is decoded, and only formats that Pillow decodes by itself are opened
(no Ghostscript, no external viewers).
"""

import contextlib
import functools
import io
import os
import pathlib
from collections.abc import Iterator
from typing import TypedDict

import numpy as np
from PIL import Image, ImageOps

from art_jax import core
from art_jax.core.paths import printable
from art_jax.data import archives

MAX_BYTES = 512 * 2**20
# Pillow's own limit, above which it warns: a warning is too late here.
MAX_PIXELS = 89_478_485

_FORMATS = ('JPEG', 'PNG', 'WEBP', 'AVIF', 'BMP', 'GIF', 'TIFF', 'PPM')
_ORIENTATION = 0x0112  # EXIF tag; 5 to 8 exchange width and height
_DEEP_MODES = ('I', 'I;16', 'I;16L', 'I;16B', 'I;16N', 'F')

# A path, also into a .zip ('x.zip/a/b.png'), or the encoded bytes.
File = str | os.PathLike | bytes


class Cut(TypedDict):
  """Keyword arguments of `decode`: how pictures are cut."""

  size: int
  channels: int
  fit: str


class BadPictureError(core.UserError):
  """A picture cannot be decoded.

  Attributes:
    reason: why, without the name of the file.
  """

  def __init__(self, file: File, reason: str):
    name = '<bytes>' if isinstance(file, bytes) else printable(os.fspath(file))
    super().__init__(
      f'picture {name!r} cannot be read: {reason}; replace or remove it'
    )
    self.reason = reason


def decode(file: File, *, size: int, channels: int, fit: str) -> np.ndarray:
  """Decode and resize one picture.

  Args:
    file: path of a picture, or its encoded bytes.
    size: side of the result, in pixels.
    channels: 3 (RGB) or 1 (gray).
    fit: 'crop' (shorter side to `size`, then the center) or 'stretch'.

  Returns:
    u8[size, size, channels].

  Raises:
    BadPictureError: the file is not a whole picture within the limits.
  """
  return resize(picture(file, at_least=2 * size), size, channels, fit)


def halves(
  file: File, *, size: int, channels: int, fit: str
) -> tuple[np.ndarray, np.ndarray]:
  """Decode a side-by-side pair; as `decode`, for its left and right half."""
  image = picture(file, at_least=4 * size)
  width, height = image.size
  left = image.crop((0, 0, width // 2, height))
  right = image.crop((width - width // 2, 0, width, height))
  return (
    resize(left, size, channels, fit),
    resize(right, size, channels, fit),
  )


def picture(file: File, at_least: int | None = None) -> Image.Image:
  """Return the upright picture in mode 'RGB' or 'L'.

  Args:
    file: path or encoded bytes.
    at_least: a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size as long as
      both sides keep this many pixels (several times faster); None decodes it
      whole.

  Raises:
    BadPictureError: the file is not a whole picture within the limits.
  """
  return _read(file, at_least)[0]


def probe(file: File) -> tuple[int, int]:
  """Decode every byte of a picture; return its upright (width, height).

  Raises:
    BadPictureError: the file is not a whole picture within the limits.
  """
  return _read(file, 1)[1]


def size_of(file: File) -> tuple[int, int]:
  """Return the upright (width, height) from the header alone.

  Raises:
    BadPictureError: the header cannot be read.
  """
  with _opened(file) as image:
    return _upright_size(image)


def num_frames(file: File) -> int:
  """Return how many pictures a file holds: more than 1 is an animation."""
  with _opened(file) as image:
    return getattr(image, 'n_frames', 1)


def resize(
  image: Image.Image, size: int, channels: int, fit: str
) -> np.ndarray:
  """Resize with antialiasing (bicubic): u8[size, size, channels]."""
  image = image.convert('L' if channels == 1 else 'RGB')
  change = ImageOps.fit if fit == 'crop' else Image.Image.resize
  image = change(image, (size, size), Image.Resampling.BICUBIC)
  return np.array(image, np.uint8).reshape(size, size, channels)


def _read(file: File, at_least: int | None):
  with _opened(file) as image:
    size = _upright_size(image)
    if at_least is not None:
      image.draft(None, (at_least, at_least))
    image.load()
    turned = (
      ImageOps.exif_transpose(image) if _orientation(image) > 1 else image
    )
    return _eight_bit(turned), size


@functools.cache
def _formats() -> tuple[str, ...]:
  """Return the formats that this build of Pillow has."""
  Image.init()
  return tuple(name for name in _FORMATS if name in Image.OPEN)


@contextlib.contextmanager
def _opened(file: File) -> Iterator[Image.Image]:
  """Open the header, refuse what is too large, name the file in errors."""
  try:
    with Image.open(_stream(file), formats=_formats()) as image:
      width, height = image.size
      if width * height > MAX_PIXELS:
        raise BadPictureError(
          file, f'{width}x{height} pixels; the limit is {MAX_PIXELS} in all'
        )
      yield image
  except BadPictureError:
    raise
  except Image.UnidentifiedImageError as error:
    raise BadPictureError(file, 'not a picture') from error
  # A broken file can raise nearly anything in a decoder.
  except Exception as error:
    reason = getattr(error, 'strerror', None) or str(error)
    raise BadPictureError(file, reason or type(error).__name__) from error


def _stream(file: File) -> io.BytesIO | pathlib.Path:
  """Return what Pillow opens, of a length within the limit."""
  member = None
  if isinstance(file, bytes):
    num_bytes = len(file)
  elif member := archives.member(os.fspath(file)):
    num_bytes = member.info.file_size
  else:
    num_bytes = os.stat(file).st_size
  if num_bytes == 0:
    raise BadPictureError(file, 'the file is empty')
  if num_bytes > MAX_BYTES:
    raise BadPictureError(file, f'{num_bytes} bytes; the limit is {MAX_BYTES}')
  encoded = member.read() if member else file
  is_bytes = isinstance(encoded, bytes)
  return io.BytesIO(encoded) if is_bytes else pathlib.Path(encoded)


def _upright_size(image: Image.Image) -> tuple[int, int]:
  width, height = image.size
  return (height, width) if _orientation(image) >= 5 else (width, height)


def _orientation(image: Image.Image) -> int:
  try:
    value = image.getexif().get(_ORIENTATION, 1)
    return value if value in range(1, 9) else 1
  # Broken metadata must not lose a whole picture.
  except Exception:
    return 1


def _eight_bit(image: Image.Image) -> Image.Image:
  """Return mode 'RGB' or 'L': scaled from deep, composited over white."""
  if image.mode in _DEEP_MODES:
    return Image.fromarray(_scale(np.asarray(image), image.mode))
  if image.has_transparency_data:
    image = image.convert('RGBA')
    white = Image.new('RGBA', image.size, 'white')
    return Image.alpha_composite(white, image).convert('RGB')
  return image if image.mode in ('L', 'RGB') else image.convert('RGB')


def _scale(values: np.ndarray, mode: str) -> np.ndarray:
  """Map the samples of a deep gray picture to u8; `convert` would clip."""
  values = values.astype(np.float64)
  low, high = values.min(), values.max()
  top = 65535 if mode != 'F' else 255 if high > 1 else 1
  if not (low >= 0 and high <= top):  # also refuses NaN
    raise ValueError(f'samples from {low} to {high}; they must be 0 to {top}')
  return np.rint(values * (255 / top)).astype(np.uint8)
