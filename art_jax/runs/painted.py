"""What the file of a painting says of itself."""

import contextlib
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from art_jax.media import images

FOLDER = 'painted'  # in a run folder
SHEET = 'sheet.png'
_KEYWORD, _SHEET_KEYWORD = 'art_jax', 'art_jax_sheet'


def write(
  path: os.PathLike | str, pixels: np.ndarray, notes: Mapping[str, Any]
) -> None:
  """Write a painting u8[H, W, 3] as PNG with notes that JSON can hold."""
  images.save_png(path, pixels, {_KEYWORD: json.dumps(notes)})


def notes(path: os.PathLike | str) -> dict[str, Any]:
  """Return what a painting's file says of itself; {} if it says nothing.

  Of a painting: `composition` and what else it is from, the settings, `sources`
  (name: share of the area), `largest_region`, `layout_agreement`, `seconds`.
  """
  with contextlib.suppress(ValueError, TypeError):
    told = json.loads(images.png_note(path, _KEYWORD) or '{}')
    return told if isinstance(told, dict) else {}
  return {}


def write_sheet(folder: pathlib.Path, pixels: np.ndarray) -> None:
  """Write the sheet u8[H, W, 3] of a folder's paintings."""
  images.save_png(folder / SHEET, pixels, {_SHEET_KEYWORD: 'paintings'})


def is_sheet(path: os.PathLike | str) -> bool:
  """Tell whether `write_sheet` wrote a file."""
  return images.png_note(path, _SHEET_KEYWORD) is not None


def describe(told: Mapping[str, Any]) -> str:
  """Return one line of what a painting is made of."""
  shares = ', '.join(
    f'{pathlib.PurePath(name).name} {share:.0%}'
    for name, share in told.get('sources', {}).items()
  )
  copied, agreement = (
    told.get(name, 0) for name in ('largest_region', 'layout_agreement')
  )
  return (
    f'{told.get("composition", "?")}; strokes of {shares or "?"}; largest '
    f'copied region {copied:.2f} of the side; layout agreement {agreement:.2f}'
  )


def files(folder: pathlib.Path) -> list[pathlib.Path]:
  """Return the paintings of a folder, by name; none if it is not there."""
  return [path for path in sorted(folder.glob('*.png')) if notes(path)]
