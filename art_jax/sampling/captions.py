"""Words on pictures."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_HEIGHT = 18  # pixels of a line
_FONT = 13
_SMALLEST_FONT = 7


def band(text: str, width: int, height: int = _HEIGHT) -> np.ndarray:
  """Return a white strip with a text in its middle: u8[height, width, 3].

  A text that is too long is written smaller, and then cut.
  """
  strip = Image.new('RGB', (width, height), 'white')
  draw = ImageDraw.Draw(strip)
  size = _FONT
  while size > _SMALLEST_FONT and draw.textlength(text, _font(size)) > width:
    size -= 1
  while len(text) > 1 and draw.textlength(text, _font(size)) > width:
    text = text[:-1]
  draw.text(
    (width / 2, height / 2), text, fill='black', font=_font(size), anchor='mm'
  )
  return np.asarray(strip)


def under(pictures: np.ndarray, texts: Sequence[str]) -> np.ndarray:
  """Write a text under each of u8[N, H, W, C]: u8[N, H + 18, W, 3]."""
  pictures = np.broadcast_to(pictures, (*pictures.shape[:3], 3))
  strips = [band(text, pictures.shape[2]) for text in texts]
  return np.concatenate([pictures, np.stack(strips)], axis=1)


def header(texts: Sequence[str], sheet: np.ndarray, pad: int = 2) -> np.ndarray:
  """Write a text over each column of a grid that `images.grid` laid out."""
  width = (sheet.shape[1] - pad) // len(texts)
  strips = [band(text, width) for text in texts]
  edge = np.full((_HEIGHT, pad, 3), 255, np.uint8)
  return np.concatenate([np.concatenate([edge, *strips], axis=1), sheet])


def titled(text: str, sheet: np.ndarray) -> np.ndarray:
  """Write a text over a picture u8[H, W, C], gray or not: u8[H + 18, W, 3]."""
  sheet = np.broadcast_to(sheet, (*sheet.shape[:2], 3))
  return np.concatenate([band(text, sheet.shape[1]), sheet])


def enlarge(pictures: np.ndarray, least: int) -> np.ndarray:
  """Repeat the pixels of u8[..., H, W, C] until W is at least so large."""
  factor = -(-least // pictures.shape[-2])
  return pictures.repeat(factor, axis=-3).repeat(factor, axis=-2)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
  return ImageFont.load_default(size)
