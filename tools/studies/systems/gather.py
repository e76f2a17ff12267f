"""Gathers what a row came to: numbers, tables and a picture."""

import io
import pathlib

import numpy as np
from PIL import Image

from art_jax.core.paths import write_atomic
from tools.studies.systems.row import Row

_WIDTH = 640  # pixels of a figure on the page, at most


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
  lines = [x for x in text.splitlines() if x.startswith('|')]
  return '\n'.join(lines).replace('\n| |', '\n\n| |')


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
  height = max(part.height for part in parts)
  padded = [
    np.pad(
      np.asarray(part),
      ((0, height - part.height), (0, 8), (0, 0)),
      constant_values=255,
    )
    for part in parts
  ]
  whole, data = Image.fromarray(np.concatenate(padded, axis=1)), io.BytesIO()
  if whole.width > _WIDTH:
    whole.thumbnail((_WIDTH, _WIDTH))
  elif whole.width < _WIDTH // 2:
    whole = whole.resize(
      [_WIDTH // whole.width * side for side in whole.size],
      Image.Resampling.BOX,
    )
  whole.save(data, 'JPEG', quality=85)
  name = f'pictures/originals_{row.name.replace(".", "_")}.jpg'
  path = beside / name
  path.parent.mkdir(parents=True, exist_ok=True)
  write_atomic(path, data.getvalue())
  return name
