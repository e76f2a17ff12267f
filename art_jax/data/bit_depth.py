"""Samples of other kinds than 8 bit, and transparency, as plain 8 bit.

The largest value of a 16-bit picture is known. Floats and 32-bit integers say
nowhere which value is white, so a rule reads it from the values; it is in
docs/picture_files.md and told where it had to guess. A picture is scaled, or
refused by name; it never comes out black because its numbers were taken for
those of another range.
"""

import numpy as np
from PIL import Image, ImageFile

DEEP_MODES = ('I', 'I;16', 'I;16L', 'I;16B', 'I;16N', 'F')
# Share of the values that may lie beyond white, or below black.
_OUTLIERS = 1 / 1000
_PHOTOMETRIC = 0x0106  # tag of a TIFF; 0: zero is white

CLIPPED = 'values beyond black or white clipped'
SCALED = 'range not known: scaled so that the largest value is white'


def to_eight_bit(
  image: Image.Image, negative: bool = False
) -> tuple[Image.Image, str]:
  """Return a deep gray picture in mode 'L', and a note or ''.

  Args:
    image: its mode is one of `DEEP_MODES`.
    negative: see `is_negative`.

  Raises:
    ValueError: a value is not finite, or many are negative or beyond 65535.
  """
  values = np.asarray(image)
  # Pillow scales the integers of its other formats to 16 bit itself.
  sure = image.mode.startswith('I;16') or (
    image.mode == 'I' and image.format not in (None, 'TIFF')
  )
  top, note = (65535, '') if sure else _white(values)
  scaled = values.astype(np.float32)
  scaled *= np.float32(255 / top)
  np.rint(np.clip(scaled, 0, 255, out=scaled), out=scaled)
  if negative:
    scaled = 255 - scaled
  return Image.fromarray(scaled.astype(np.uint8)), note


def is_negative(image: ImageFile.ImageFile) -> bool:
  """Tell whether zero is white in a deep TIFF; of 8 bit Pillow inverts it.

  Args:
    image: opened; what becomes of it has no tags.
  """
  return (
    image.format == 'TIFF'
    and image.mode in DEEP_MODES
    and image.tag_v2.get(_PHOTOMETRIC) == 0  # pyright: ignore
  )


def _white(values: np.ndarray) -> tuple[float, str]:
  """Return which value is white, and a note: by the rule of the docs."""
  if not np.isfinite(values).all():
    raise ValueError('it holds values that are no numbers (NaN or infinite)')
  spare = min(max(1, int(values.size * _OUTLIERS)), (values.size - 1) // 2)
  ends = np.partition(values, (spare, -1 - spare), axis=None)
  low, high = float(ends[spare]), float(ends[-1 - spare])
  least, most = float(values.min()), float(values.max())
  if low < -high / 10 or high > 65535:
    raise ValueError(
      f'samples from {least:g} to {most:g}, which are of no known range; '
      'scale them to 0 to 1, or save it with 8 or 16 bit'
    )
  top = _range(values, high)
  if top is None:
    return high, SCALED
  half = top / 510  # what rounds to black or white is not clipped
  return top, CLIPPED if least < -half or most > top + half else ''


def _range(values: np.ndarray, high: float) -> float | None:
  """Return 1, 255 or 65535, whichever the values are of; None: of none."""
  whole = values.dtype.kind in 'iu' or bool((values == np.rint(values)).all())
  if high <= 1:
    return 1
  # Light brighter than white, as in HDR, in a picture of 0 to 1.
  if not whole and np.mean((values > 0) & (values <= 1)) >= 0.75:
    return 1
  for top in (255, 65535):
    if top / (4 if whole else 2) <= high <= top:
      return top
  return None


def transparent_key(
  image: ImageFile.ImageFile,
) -> int | tuple[int, ...] | None:
  """Return the color that a PNG says is transparent, in the decoded scale.

  Pillow keeps it in the scale of the file. A 16-bit color is decoded to its
  upper bytes, and so is the key.

  Args:
    image: opened, not loaded.
  """
  key = image.info.get('transparency')
  if image.format != 'PNG' or not isinstance(key, int | tuple):
    return None
  raw = image.tile[0].args if image.tile else ''
  if isinstance(key, tuple):
    return tuple(v >> 8 for v in key) if raw == 'RGB;16B' else key
  if image.mode == '1':
    return 255 if key else 0
  return key * {'L;2': 85, 'L;4': 17}.get(str(raw), 1)


def opacity(
  image: Image.Image, key: int | tuple[int, ...] | None
) -> Image.Image | None:
  """Return how opaque each pixel is, in mode 'L'; None: all are.

  Args:
    image: loaded.
    key: see `transparent_key`.
  """
  if key is not None and image.mode in ('1', 'L', 'RGB', *DEEP_MODES):
    different = np.asarray(image.convert('L') if image.mode == '1' else image)
    different = different != np.asarray(key)
    if different.ndim == 3:
      different = different.any(axis=-1)
    return Image.fromarray(different.astype(np.uint8) * 255)
  if not image.has_transparency_data:
    return None
  if image.mode == 'La':
    image = image.convert('LA')
  return image.convert('RGBA').getchannel('A')


def plain(image: Image.Image) -> Image.Image:
  """Return 8-bit colors in mode 'L', 'RGB', 'CMYK' or 'LAB', without alpha."""
  if image.mode in ('L', 'RGB', 'CMYK', 'LAB'):
    return image
  if image.mode in ('La', 'RGBa'):  # multiplied by alpha already
    image = image.convert({'La': 'LA', 'RGBa': 'RGBA'}[image.mode])
  return image.convert('L' if image.mode in ('1', 'LA') else 'RGB')


def over(
  background: str, colors: Image.Image, alpha: Image.Image
) -> Image.Image:
  """Return a picture in mode 'L' or 'RGB' composited over a named color."""
  behind = Image.new(colors.mode, colors.size, background)
  return Image.composite(colors, behind, alpha)
