"""Gathers what a row came to: numbers, tables and a picture."""

import io
import pathlib
import re
from collections.abc import Sequence

from PIL import Image

from art_jax.core.paths import write_atomic
from tools.studies.systems.row import Row

_WIDTH = 640  # pixels of a figure on the page, at most
_BYTES = 36_000  # of a figure: all of them are 0.8 megabytes
_GAP = 8  # pixels between its parts
_LARGEST = 3  # times that a small picture is enlarged


def collected(row: Row, folder: pathlib.Path) -> dict:
  """Return the numbers and the tables of what the commands printed."""
  figures, tables = {}, []
  for i, do in enumerate(row.commands):
    log = folder / f'{i}.log'
    text = log.read_text(errors='replace') if log.exists() else ''
    figures |= do.figures(text)
    if do.tables:
      tables.append(table_lines(text))
  return {'figures': figures, 'tables': tables}


def table_lines(text: str) -> str:
  """Return the Markdown tables of a text, apart by empty lines."""
  lines = [x if x.startswith('|') else '' for x in text.splitlines()]
  return re.sub(r'\n{3,}', '\n\n', '\n'.join(lines)).strip()


def figure(row: Row, folder: pathlib.Path, beside: pathlib.Path) -> str:
  """Join the newest file of each pattern; return the name of the picture.

  Args:
    row: whose figure it is.
    folder: of the runs of all rows.
    beside: folder of the page; empty name: there is no figure.
  """
  age = lambda path: (path.stat().st_mtime, str(path))  # noqa: E731
  newest = [max(folder.glob(p), key=age, default=None) for p in row.figure]
  parts = [Image.open(x).convert('RGB') for x in newest if x]
  if not parts:
    return ''
  name = f'pictures/originals_{row.name.replace(".", "_")}.jpg'
  path = beside / name
  path.parent.mkdir(parents=True, exist_ok=True)
  write_atomic(path, as_jpeg(joined(parts)))
  return name


def as_jpeg(picture: Image.Image, most: int = _BYTES) -> bytes:
  """Return a JPEG of so many bytes at most, as good, then as large as fits."""
  while True:
    for quality in (85, 75, 65):
      data = io.BytesIO()
      picture.save(data, 'JPEG', quality=quality, optimize=True)
      if len(data.getvalue()) <= most:
        return data.getvalue()
    picture = picture.resize([round(0.85 * side) for side in picture.size])


def joined(parts: Sequence[Image.Image]) -> Image.Image:
  """Return pictures side by side, or below each other if all are wide.

  They get the same height, or the same width; the whole is at most `_WIDTH`
  wide, and small ones are enlarged.
  """
  below = len(parts) > 1 and all(p.width > 1.5 * p.height for p in parts)
  if below:
    sizes = [(_WIDTH, round(_WIDTH * p.height / p.width)) for p in parts]
  else:
    # Of the same height h, all widths and the gaps are _WIDTH together.
    room = _WIDTH - _GAP * (len(parts) - 1)
    h = room / sum(p.width / p.height for p in parts)
    h = min(h, _LARGEST * max(p.height for p in parts))
    sizes = [(round(h * p.width / p.height), round(h)) for p in parts]
  scaled = [
    p.resize(size, Image.Resampling.BOX if size > p.size else None)
    for p, size in zip(parts, sizes, strict=True)
  ]
  gaps = _GAP * (len(parts) - 1)
  wide, high = (sum(sides) + gaps for sides in zip(*sizes, strict=True))
  whole = Image.new(
    'RGB', (_WIDTH, high) if below else (wide, sizes[0][1]), 'white'
  )
  at = 0
  for part in scaled:
    whole.paste(part, (0, at) if below else (at, 0))
    at += (part.height if below else part.width) + _GAP
  return whole
