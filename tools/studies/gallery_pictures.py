"""Gathers what the commands of a picture of the gallery made, as one file."""

import io
import json
import pathlib
from typing import Any

from PIL import Image

from art_jax.media import images, video
from art_jax.style_transfer import task
from tools.studies import timed_run
from tools.studies.gallery_entries import Entry

_GAP, _QUALITY, _QUALITY_WEBP = 8, 82, 25
_SECONDS = 0.12  # of a frame


def gather(entry: Entry, folder: pathlib.Path):
  """Return the pictures of an entry, or its clip, and what PNG files note."""
  shown, notes = [], {}
  for pattern in entry.shows:
    if pattern.startswith('builtin:'):
      shown.append(task.picture('content', pattern))
      continue
    paths = sorted(folder.glob(pattern))
    if not paths:
      raise timed_run.Failed(f'no picture {pattern}')
    for path in paths:
      if entry.clip:
        shown += map(Image.fromarray, video.read(path))
        continue
      with Image.open(path) as opened:
        whole = opened.convert('RGB')
      shown.append(whole.crop(entry.crop) if entry.crop else whole)
      note = images.png_note(path, 'art_jax') if path.suffix == '.png' else ''
      if note:
        notes[str(path.relative_to(folder))] = json.loads(note)
  return shown, notes


def layout(entry: Entry) -> dict[str, Any]:
  """Return what of an entry says how its picture is put together."""
  return {
    'shows': [*entry.shows],
    'columns': entry.columns,
    'cell': entry.cell,
    'crop': [*entry.crop],
  }


def encode(entry: Entry, shown: list[Image.Image]) -> tuple[bytes, list[int]]:
  """Return the file, and its width and height."""
  data = io.BytesIO()
  if entry.clip:  # there and back
    first, *others = [*shown, *shown[-2:0:-1]]
    options = {'duration': round(1000 * _SECONDS), 'loop': 0, 'method': 6}
    first.save(
      data,
      'WEBP',
      save_all=True,
      append_images=others,
      quality=_QUALITY_WEBP,
      **options,
    )
    return data.getvalue(), [first.width, first.height]
  whole = sheet(shown, entry.columns, entry.cell)
  whole.save(data, 'JPEG', quality=_QUALITY, optimize=True, progressive=True)
  return data.getvalue(), [whole.width, whole.height]


def sheet(shown: list[Image.Image], columns: int, width: int) -> Image.Image:
  """Return pictures of one width, row by row on white."""
  scaled = [
    x.resize(
      (width, round(x.height * width / x.width)), Image.Resampling.LANCZOS
    )
    for x in shown
  ]
  rows = [scaled[i : i + columns] for i in range(0, len(scaled), columns)]
  heights = [max(x.height for x in row) for row in rows]
  step = width + _GAP
  whole = Image.new(
    'RGB',
    (max(map(len, rows)) * step - _GAP, sum(heights) + _GAP * (len(rows) - 1)),
    'white',
  )
  top = 0
  for row, height in zip(rows, heights, strict=True):
    for i, picture in enumerate(row):
      whole.paste(picture, (i * step, top))
    top += height + _GAP
  return whole
