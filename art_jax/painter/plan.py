"""Which paintings of a folder are made already, and which are to be made."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Iterable
from typing import Any

import jax
import numpy as np

from art_jax import core
from art_jax.inference.run import Run
from art_jax.painter.compose import Composition
from art_jax.painter.gallery import Gallery
from art_jax.painter.settings import Painter
from art_jax.runs import painted

# Settings that earlier paintings do not note.
_ADDED = ('upscale', 'gallery', 'content', 'weights')
_DIGESTS = {  # in words
  'gallery': 'other sources than now',
  'content': 'another picture of this name',
  'weights': 'other weights than now',
}


@dataclasses.dataclass(frozen=True, eq=False)
class Work:
  """A painting to make, with everything that it depends on.

  Attributes:
    composition: what is painted.
    variation: 0 for the sources that fit best, 1 for the next ones, ...
    path: file of the painting.
    settings: what makes two paintings the same, as JSON.
  """

  composition: Composition
  variation: int
  path: pathlib.Path
  settings: dict[str, Any]


def plan(
  painter: Painter,
  gallery: Gallery,
  compositions: Iterable[Composition],
  output: pathlib.Path,
  *,
  run: Run | None = None,
  variations: int = 1,
  seed: int = 0,
  overwrite: bool = False,
) -> tuple[list[Work], list[Work]]:
  """Return the paintings that are there already, and those to make.

  Args:
    painter: the settings.
    gallery: the pictures to paint with.
    compositions: what to paint; none is made yet.
    output: the folder of the paintings.
    run: the model, if there is one.
    variations: paintings of each composition, with other sources.
    seed: of the painter's random draws.
    overwrite: make all of them, whatever is there.

  Raises:
    core.UserError: two compositions have one name, one has that of the sheet,
      or a file is there that was painted otherwise.
  """
  core.require(variations >= 1, f'--variations={variations}: it is at least 1')
  sheet = output / painted.SHEET
  core.require(
    overwrite or not sheet.exists() or painted.is_sheet(sheet),
    f'{sheet} exists and does not say that it is a sheet of paintings; move '
    'it away, or pass another --output, or --overwrite to replace it',
  )
  done, rest, names = [], [], set()
  common = {
    'size': painter.size,
    'quality': painter.quality,
    'num_sources': painter.num_sources,
    'max_copy': painter.max_copy,
    'upscale': painter.upscale,
    'painter_seed': seed,
    'gallery': gallery.digest,
  }
  weights = _digest(*jax.tree.leaves(run.params)) if run else ''
  for composition in compositions:
    core.require(
      composition.name not in names,
      f'two pictures to paint are called {composition.name!r}, and so would '
      'their paintings be; rename one',
    )
    names.add(composition.name)
    settings = {**composition.notes, **common}
    if composition.content is not None:
      settings['content'] = _digest(np.asarray(composition.content))
    if 'run' in composition.notes:
      settings['weights'] = weights
    for variation in range(variations):
      end = f'_{variation + 1}' if variations > 1 else ''
      path = output / f'{composition.name}{end}.png'
      core.require(
        path.name.lower() != painted.SHEET,
        f'the painting of {composition.name!r} would be {painted.SHEET}, which '
        'shows all paintings; rename the picture',
      )
      work = Work(
        composition, variation, path, {**settings, 'variation': variation}
      )
      (done if not overwrite and _is_done(work) else rest).append(work)
  return done, rest


def _digest(*arrays: Any) -> str:
  """Return the SHA-256 of the shapes and values of arrays."""
  digest = hashlib.sha256()
  for array in map(np.ascontiguousarray, arrays):
    digest.update(f'{array.shape}{array.dtype}'.encode())
    digest.update(array.tobytes())
  return digest.hexdigest()


def _is_done(work: Work) -> bool:
  """Tell whether a painting is there; refuse another one of its name."""
  if not work.path.exists():
    return False
  notes = painted.notes(work.path)
  core.require(
    notes,
    f'{work.path} exists and art_jax did not paint it; pass another --output, '
    'or --overwrite to replace it',
  )
  told = [
    f'{name}: {_DIGESTS.get(name) or f"{notes.get(name)!r}, now {value!r}"}'
    for name, value in work.settings.items()
    if notes.get(name) != value and (name in notes or name not in _ADDED)
  ]
  core.require(
    not told,
    f'{work.path} exists and was painted otherwise ({", ".join(told)}); pass '
    'another --output, or --overwrite to paint it again',
  )
  return True
