"""Small pictures of every format and depth that Pillow writes."""

import io
import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageCms

_MODES = {  # of each format that Pillow writes
  'JPEG': 'RGB L CMYK',
  'PNG': 'RGB L RGBA LA P 1 I;16',
  'WEBP': 'RGB RGBA',
  'BMP': 'RGB L P 1',
  'DIB': 'RGB L',
  'GIF': 'P L',
  'TIFF': 'RGB L RGBA CMYK F I I;16 YCbCr',
  'PPM': 'RGB L 1 F I;16',
}


def draw(
  rng: random.Random, damage: Callable[[bytes, random.Random], bytes]
) -> tuple[str, bytes]:
  """Return the name and bytes of a picture of any depth, from 1x1.

  Args:
    rng: chooses.
    damage: makes the color profile that some have a bad one.
  """
  kind = rng.choice(tuple(_MODES))
  mode, profile = rng.choice(_MODES[kind].split()), None
  if rng.random() < 0.4:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
    profile = damage(srgb, rng) or b'x'
  drawn, out = np.random.default_rng(rng.getrandbits(32)), io.BytesIO()
  sides = rng.choice(((24, 20), (24, 20), (1, 1), (1, 70), (3, 2)))
  image = Image.fromarray(drawn.integers(0, 256, (*sides, 3), np.uint8))
  if mode in ('F', 'I'):
    values = drawn.standard_normal(sides) * 10.0 ** rng.randint(-2, 12)
    values = values if rng.random() < 0.5 else np.abs(values)
    dtype = np.float32 if mode == 'F' else np.int32
    image = Image.fromarray(
      np.clip(values, -(2**31), 2**31 - 129).astype(dtype)
    )
  elif mode == 'I;16':
    image = Image.fromarray(drawn.integers(0, 2**16, sides, np.uint16))
  else:
    image = image.convert(mode)
  image.save(out, kind, **({'icc_profile': profile} if profile else {}))
  return f'x.{kind.lower()}', out.getvalue()
