"""Encoded pictures, with a note of what each was made from."""

import dataclasses
import io
import math
import os
from typing import Any

import numpy as np
from PIL import Image

from art_jax import core
from art_jax.core.paths import write_atomic
from art_jax.media import images

# Of a file's note. A PNG keeps it as a text, others in the EXIF description.
_KEYWORD = 'art_jax made from'
_DESCRIPTION = 0x010E
_KINDS = {'png': 'PNG', 'jpg': 'JPEG', 'webp': 'WEBP'}
_QUALITY = {'jpg': 95, 'webp': 90}
_LONGEST = {'jpg': 65_500, 'webp': 16_383}  # of libjpeg and of the format


@dataclasses.dataclass(frozen=True)
class Format:
  """An encoding.

  Attributes:
    kind: 'png', 'jpg' or 'webp'.
    quality: 1 to 100; None for PNG, which loses nothing.
  """

  kind: str = 'png'
  quality: int | None = None

  @property
  def suffix(self) -> str:
    """The end of a file's name: '.jpg'."""
    return f'.{self.kind}'

  @property
  def longest(self) -> float:
    """The most pixels of a side."""
    return _LONGEST.get(self.kind, math.inf)


def parse(text: str | None) -> Format:
  """Read 'png', 'jpg', 'jpg:90' or 'webp:80'; None: PNG.

  Raises:
    core.UserError: it is none of these.
  """
  kind, colon, number = (text or 'png').partition(':')
  kind = {'jpeg': 'jpg'}.get(kind, kind)
  quality = int(number) if number.isdecimal() else _QUALITY.get(kind)
  core.require(
    kind in _KINDS
    and (not colon or (number.isdecimal() and kind in _QUALITY))
    and (quality is None or 1 <= quality <= 100),
    f'--format={text}: it is png, jpg or webp, the last two with a quality of '
    '1 to 100, as jpg:95',
  )
  return Format(kind, quality)


def encode(image: np.ndarray, fmt: Format, note: str) -> bytes:
  """Return the bytes of a file of u8[H, W, C], with a note."""
  if fmt.kind == 'png':
    return images.png_bytes(image, {_KEYWORD: note})
  picture, data = images.as_pillow(image), io.BytesIO()
  exif = Image.Exif()
  exif[_DESCRIPTION] = note
  more: dict[str, Any] = {'subsampling': 0} if fmt.kind == 'jpg' else {}
  picture.save(
    data, _KINDS[fmt.kind], quality=fmt.quality, exif=exif.tobytes(), **more
  )
  return data.getvalue()


def write(path: os.PathLike, image: np.ndarray, fmt: Format, note: str) -> None:
  """Write a file, all of it or nothing; raises OSError."""
  write_atomic(path, encode(image, fmt, note))


def note(path: os.PathLike) -> str | None:
  """Return the note of a file; None: there is none, or it is no picture."""
  try:
    with Image.open(path, formats=tuple(_KINDS.values())) as image:
      text = image.info.get(_KEYWORD)
      return text or image.getexif().get(_DESCRIPTION)
  # A broken file can raise nearly anything in a decoder.
  except Exception:
    return None
