"""Pictures of run folders for a browser: decoded safely, and made anew.

A file of a run folder may be anything. So it is decoded as training data are
(`data.decode`: known formats, bounded), and the browser gets what this wrote.
"""

import collections
import io
import pathlib
import threading

import numpy as np
from PIL import Image

from art_jax import core
from art_jax.data import decode

SIDES = (160, 480, 1400)  # pixels of the longer side that may be asked for
_QUALITY = 82
_KEPT = 48 * 2**20  # bytes of pictures that are kept
_MAX_PIXELS = 40_000_000
_PREVIEW = 512  # pixels of the longer side


class Thumbnails:
  """Pictures in WebP, kept while they are asked for."""

  def __init__(self):
    self._kept: collections.OrderedDict[tuple, bytes] = (
      collections.OrderedDict()
    )
    self._bytes = 0
    self._lock = threading.Lock()

  def get(self, path: pathlib.Path, side: int) -> bytes:
    """Return a picture with its longer side at most `side`, as WebP.

    Raises:
      core.UserError: it cannot be read, or the side is not offered.
    """
    core.require(
      side in SIDES, f'side={side}: it is one of {", ".join(map(str, SIDES))}'
    )
    try:
      status = path.stat()
    except OSError as error:
      raise core.UserError('this picture is no more') from error
    key = str(path), status.st_mtime_ns, status.st_size, side
    with self._lock:
      if key in self._kept:
        self._kept.move_to_end(key)
        return self._kept[key]
    data = encode(path, side)
    with self._lock:
      if key not in self._kept:
        self._kept[key] = data
        self._bytes += len(data)
      while self._bytes > _KEPT:
        self._bytes -= len(self._kept.popitem(last=False)[1])
    return data


def encode(path: pathlib.Path, side: int) -> bytes:
  """Return a picture file as WebP, shrunk to a longer side."""
  width, height = decode.size_of(path)
  require_pixels(width, height, _MAX_PIXELS)
  image = decode.read(path).image.convert('RGB')
  image.thumbnail((side, side), Image.Resampling.LANCZOS)
  data = io.BytesIO()
  image.save(data, 'WEBP', quality=_QUALITY, method=2)
  return data.getvalue()


def png(pixels: np.ndarray) -> bytes:
  """Return u8[H, W, C], C is 1 or 3, as the bytes of a PNG."""
  plain = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
  data = io.BytesIO()
  Image.fromarray(plain).save(data, 'PNG', compress_level=3)
  return data.getvalue()


def preview(pixels: np.ndarray) -> bytes:
  """Return u8[H, W, 3] as a PNG, its longer side at most 512 pixels."""
  image = Image.fromarray(pixels)
  image.thumbnail((_PREVIEW, _PREVIEW))
  return png(np.asarray(image))


def require_pixels(width: int, height: int, most: int) -> None:
  """Raise a UserError if a picture, not decoded yet, is too large."""
  core.require(
    width * height <= most,
    f'this picture has {width} x {height} pixels; {most:,} is the most here: '
    'make it smaller, or use the command line',
  )
