"""Embedded color profiles: what a picture's numbers become in sRGB.

A profile is applied once, at decoding, with littlecms: perceptual intent and
black point compensation (ICC.1:2022; Adobe, 2006: BPC). A profile that
changes nothing that is seen is recognized by what it does, not by its name,
and costs nothing. One that is damaged or of other channels is left out.
"""

import functools
import io
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageCms, features

MAX_BYTES = 8 * 2**20
# Largest difference, in 1/255, of a profile that is taken for sRGB itself.
_SAME = 2
_SPACES = {'RGB': 'RGB', 'L': 'GRAY', 'CMYK': 'CMYK', 'LAB': 'Lab'}

NO_LITTLECMS = 'color profile ignored: this Pillow is built without littlecms'
DAMAGED = 'color profile ignored: it is damaged or of no use'
OTHER_CHANNELS = 'color profile ignored: it is not for the channels it is with'


class Conversion(NamedTuple):
  """How the numbers of one mode become sRGB; all empty: they are it already.

  Attributes:
    transform: of littlecms; of colors.
    tables: 256 values for each of R, G and B; of gray.
    note: why the profile is left out.
  """

  transform: ImageCms.ImageCmsTransform | None = None
  tables: tuple[tuple[int, ...], ...] = ()
  note: str = ''


def to_srgb(
  image: Image.Image, profile: bytes | None
) -> tuple[Image.Image, str]:
  """Return a picture in mode 'L' or 'RGB' whose numbers are sRGB.

  Args:
    image: in mode 'L', 'RGB', 'CMYK' or 'LAB' (CIE L*a*b*, D50).
    profile: the embedded profile; None: it has none, and the numbers of 'L'
      and 'RGB' are sRGB, those of 'CMYK' plain amounts of ink.

  Returns:
    The picture, and why its profile is left out, or ''.

  Raises:
    ValueError: Lab colors, and this Pillow has no littlecms.
  """
  if image.mode == 'LAB':
    profile = _lab_profile()
  if not profile:
    return _without(image), ''
  conversion = _conversion(profile, image.mode)
  if conversion.transform:
    return conversion.transform.apply(image), ''
  if conversion.tables:
    bands = [image.point(table) for table in conversion.tables]
    return bands[0] if len(bands) == 1 else Image.merge('RGB', bands), ''
  return _without(image), conversion.note


def _without(image: Image.Image) -> Image.Image:
  return image if image.mode in ('L', 'RGB') else image.convert('RGB')


def _lab_profile() -> bytes:
  if not _has_littlecms():
    raise ValueError(
      'CIE Lab colors, and this Pillow is built without littlecms; save it '
      'in RGB'
    )
  return ImageCms.ImageCmsProfile(ImageCms.createProfile('LAB')).tobytes()


@functools.cache
def _has_littlecms() -> bool:
  return bool(features.check('littlecms2'))


@functools.lru_cache(maxsize=16)
def _conversion(profile: bytes, mode: str) -> Conversion:
  """Return what a profile does to a mode; built once for all its pictures."""
  if not _has_littlecms():
    return Conversion(note=NO_LITTLECMS)
  if len(profile) > MAX_BYTES:
    return Conversion(note=DAMAGED)
  try:
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = opened.profile.xcolor_space.strip()  # pyright: ignore
    if space == _SPACES[mode]:
      return _built(opened, mode)
  # Of bytes that nobody checked, littlecms can say nearly anything.
  except Exception:
    return Conversion(note=DAMAGED)
  if (mode, space) == ('L', 'RGB') and _conversion(profile, 'RGB') == (
    Conversion()
  ):
    return Conversion()  # gray in sRGB: R, G and B are the same
  return Conversion(note=OTHER_CHANNELS)


def _built(profile: ImageCms.ImageCmsProfile, mode: str) -> Conversion:
  transform = ImageCms.buildTransform(
    profile,
    ImageCms.createProfile('sRGB'),
    mode,
    'RGB',
    ImageCms.Intent.PERCEPTUAL,
    ImageCms.Flags.BLACKPOINTCOMPENSATION,
  )
  if mode == 'RGB':
    before = _test_colors()
    after = transform.apply(before)
    return Conversion() if _same(before, after) else Conversion(transform)
  if mode == 'L':
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    after = transform.apply(ramp)
    if _same(ramp.convert('RGB'), after):
      return Conversion()
    tables = [tuple(band.tobytes()) for band in after.split()]
    neutral = np.ptp(np.asarray(after, int), axis=-1).max() <= _SAME
    # Gray stays gray: green is nearest to what is seen as its lightness.
    return Conversion(tables=tuple(tables[1:2] if neutral else tables))
  return Conversion(transform)


def _test_colors() -> Image.Image:
  """Return a grid of colors and all grays."""
  steps = np.linspace(0, 255, 7)
  grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
  grays = np.repeat(np.arange(256)[:, None], 3, axis=1)
  return Image.fromarray(np.concatenate([grid, grays])[None].astype(np.uint8))


def _same(before: Image.Image, after: Image.Image) -> bool:
  change = np.asarray(before, int) - np.asarray(after, int)
  return bool(np.abs(change).max() <= _SAME)
