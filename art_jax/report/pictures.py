"""Pictures as data URIs, small enough for one page."""

import base64
import io
import pathlib
from collections.abc import Sequence

from PIL import Image

# (frames over time, their longer side, quality), from best to smallest.
_LEVELS = ((24, 560, 80), (16, 480, 75), (10, 400, 70), (6, 320, 60))
_LARGE = 1400, 88  # longer side and quality of the latest pictures
_BUDGET = 3_000_000  # bytes of all frames over time on a page


def uri(path: pathlib.Path, side: int, quality: int) -> str:
  """Return a picture file as a WebP data URI, shrunk to a longer side.

  Returns:
    '' if there is none, or half of one as a killed run may leave.
  """
  try:
    with Image.open(path) as image:
      picture = image.convert('RGB')
  except (OSError, ValueError, Image.DecompressionBombError):
    return ''
  picture.thumbnail((side, side), Image.Resampling.LANCZOS)
  data = io.BytesIO()
  picture.save(data, 'WEBP', quality=quality, method=4)
  return _encoded('image/webp', data.getvalue())


def svg(data: bytes) -> str:
  """Return an SVG file as a data URI, in which no script can run."""
  return _encoded('image/svg+xml', data)


def large(path: pathlib.Path) -> str:
  """Return the picture at the size in which a page shows it by itself."""
  return uri(path, *_LARGE)


def frames(
  names: dict[str, list[tuple[int, pathlib.Path]]],
) -> dict[str, list[dict]]:
  """Return the pictures of each name over time.

  Args:
    names: (step, path) by name, oldest first.

  Returns:
    [{'step', 'uri'}, ...] by name; fewer and smaller ones if all together
    would be more than 3 MB.
  """
  for level in _LEVELS:
    chosen = {
      name: _spread(pictures, *level) for name, pictures in names.items()
    }
    total = sum(len(f['uri']) for each in chosen.values() for f in each)
    if total <= _BUDGET:
      break
  return chosen


def _spread(pictures: Sequence, count: int, side: int, quality: int) -> list:
  last = len(pictures) - 1
  chosen = sorted({round(i * last / max(count - 1, 1)) for i in range(count)})
  spread = [
    {'step': pictures[i][0], 'uri': uri(pictures[i][1], side, quality)}
    for i in chosen
    if i <= last
  ]
  return [frame for frame in spread if frame['uri']]


def _encoded(kind: str, data: bytes) -> str:
  return f'data:{kind};base64,{base64.b64encode(data).decode()}'
