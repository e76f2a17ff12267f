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
import re
from collections.abc import Iterator
from typing import NamedTuple, TypedDict

import numpy as np
from absl import logging
from PIL import Image, ImageFile, ImageOps

from art_jax import core
from art_jax.core.paths import printable
from art_jax.data import (
  archives,
  bit_depth,
  color_management,
  file_kinds,
  library_messages,
)

MAX_BYTES = 512 * 2**20
# Pillow's own limit, above which it warns: a warning is too late here.
MAX_PIXELS = 89_478_485

_FORMATS = tuple('JPEG PNG WEBP AVIF BMP DIB GIF TIFF PPM'.split())
_WIDTH, _HEIGHT = 0x0100, 0x0101  # tags of a TIFF, of what is stored
_ORIENTATION = 0x0112  # EXIF tag; 5 to 8 exchange width and height
# What Pillow says of libtiff's data where it knows no reason.
_CODE_ONLY = re.compile(r'(decoder error )?-\d+')

_told: set[str] = set()

# A path, also into a .zip ('x.zip/a/b.png'), or the encoded bytes.
File = str | os.PathLike | bytes


class Cut(TypedDict):
  """Keyword arguments of `decode`: how pictures are cut."""

  size: int
  channels: int
  fit: str


class Reading(NamedTuple):
  """A decoded picture.

  Attributes:
    image: upright, in mode 'RGB' or 'L', in sRGB.
    size: upright (width, height) of the file; a JPEG may be decoded smaller.
    notes: what was done to it that its owner should know.
  """

  image: Image.Image
  size: tuple[int, int]
  notes: tuple[str, ...]


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
  return resize(read(file, 2 * size).image, size, channels, fit)


def halves(
  file: File, *, size: int, channels: int, fit: str
) -> tuple[np.ndarray, np.ndarray]:
  """Decode a side-by-side pair; as `decode`, for its left and right half."""
  left, right = _halves(read(file, 4 * size).image)
  return (
    resize(left, size, channels, fit),
    resize(right, size, channels, fit),
  )


def whole_halves(file: File) -> tuple[Image.Image, Image.Image]:
  """Return the left and the right half of a pair at their own size, 'RGB'."""
  return _halves(picture(file).convert('RGB'))


def picture(
  file: File, at_least: int | None = None, background: str = 'white'
) -> Image.Image:
  """Return the picture of `read`; log what it notes, each note once.

  It is for pictures that nobody has verified before.
  """
  reading = read(file, at_least, background)
  for note in reading.notes:
    if note not in _told:
      _told.add(note)
      name = '<bytes>' if isinstance(file, bytes) else os.fspath(file)
      logging.warning('picture %r: %s (said once)', printable(name), note)
  return reading.image


def mask(file: File) -> Image.Image:
  """Return a mask, in mode 'L': where nothing is painted, it is black."""
  return picture(file, background='black').convert('L')


def read(
  file: File, at_least: int | None = None, background: str = 'white'
) -> Reading:
  """Decode a picture, once and for all uses of it.

  Args:
    file: path or encoded bytes.
    at_least: a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size as long as
      both sides keep this many pixels (several times faster); None decodes it
      whole.
    background: 'white' or 'black', behind what is transparent.

  Raises:
    BadPictureError: the file is not a whole picture within the limits.
  """
  with _opened(file) as image:
    key = bit_depth.transparent_key(image)  # first: EXIF may need the pixels
    negative = bit_depth.is_negative(image)
    size = _upright_size(image)
    profile = image.info.get('icc_profile')
    if at_least is not None:
      image.draft(None, (at_least, at_least))
    image.load()
    turned = (
      ImageOps.exif_transpose(image) if _orientation(image) > 1 else image
    )
    turned.format = image.format
    upright, notes = _in_srgb(turned, profile, key, negative, background)
    return Reading(upright, size, notes)


def probe(file: File) -> tuple[int, int]:
  """Decode every byte of a picture; return its upright (width, height).

  Raises:
    BadPictureError: the file is not a whole picture within the limits.
  """
  return read(file, 1).size


def size_of(file: File) -> tuple[int, int]:
  """Return the upright (width, height) from the header alone.

  Raises:
    BadPictureError: the header cannot be read.
  """
  with _opened(file) as image:
    return _upright_size(image)


def num_frames(file: File) -> int:
  """Return how many pictures a file shows: more than 1 is an animation.

  The others in an MPO (what phones and stereo cameras write) are a depth map,
  a smaller copy or another view of its one photo.
  """
  with _opened(file) as image:
    return 1 if image.format == 'MPO' else getattr(image, 'n_frames', 1)


def resize(
  image: Image.Image, size: int, channels: int, fit: str
) -> np.ndarray:
  """Resize with antialiasing (bicubic): u8[size, size, channels]."""
  image = image.convert('L' if channels == 1 else 'RGB')
  change = ImageOps.fit if fit == 'crop' else Image.Image.resize
  image = change(image, (size, size), Image.Resampling.BICUBIC)
  return np.array(image, np.uint8).reshape(size, size, channels)


def _halves(image: Image.Image) -> tuple[Image.Image, Image.Image]:
  width, height = image.size
  return (
    image.crop((0, 0, width // 2, height)),
    image.crop((width - width // 2, 0, width, height)),
  )


@functools.cache
def _formats() -> tuple[str, ...]:
  """Return the formats that this build of Pillow has."""
  library_messages.hush()
  Image.init()
  return tuple(name for name in _FORMATS if name in Image.OPEN)


@contextlib.contextmanager
def _opened(file: File) -> Iterator[ImageFile.ImageFile]:
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
    reason = file_kinds.describe(_stream(file)) or 'not a picture'
    raise BadPictureError(file, reason) from error
  # A broken file can raise nearly anything in a decoder.
  except Exception as error:
    reason = getattr(error, 'strerror', None) or str(error)
    if _CODE_ONLY.fullmatch(reason):
      reason = 'its compressed data is damaged'
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
  """Return the size that a picture will have, before `load`."""
  width, height = image.size
  if image.format == 'TIFF':  # Pillow exchanges its sides where a tag says so
    tags = image.tag_v2  # pyright: ignore
    width, height = tags[_WIDTH], tags[_HEIGHT]
  return (height, width) if _orientation(image) >= 5 else (width, height)


def _orientation(image: Image.Image) -> int:
  try:
    value = image.getexif().get(_ORIENTATION, 1)
    return value if value in range(1, 9) else 1
  # Broken metadata must not lose a whole picture.
  except Exception:
    return 1


def _in_srgb(
  image: Image.Image,
  profile: bytes | None,
  key: int | tuple[int, ...] | None,
  negative: bool,
  background: str,
) -> tuple[Image.Image, tuple[str, ...]]:
  """Return mode 'RGB' or 'L' in sRGB, over the background, and notes."""
  alpha = bit_depth.opacity(image, key)
  depth_note = ''
  if image.mode in bit_depth.DEEP_MODES:
    image, depth_note = bit_depth.to_eight_bit(image, negative)
  image, color_note = color_management.to_srgb(bit_depth.plain(image), profile)
  if alpha is not None:
    image = bit_depth.over(background, image, alpha)
  image.info.pop('icc_profile', None)  # it is applied
  return image, tuple(note for note in (depth_note, color_note) if note)
