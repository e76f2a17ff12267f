"""The scenes of the built-in source, as a data set."""

import functools
import math
import os

import numpy as np
from absl import logging

from art_jax import core
from art_jax.core import paths
from art_jax.data import procedural
from art_jax.data.builtin import Builtin
from art_jax.data.class_names import choose_classes
from art_jax.data.columns import Column
from art_jax.data.dataset import Dataset, Space, assemble
from art_jax.data.examples import of_arrays

_SPACES = {  # per index space, the field of a scene behind each key
  'unpaired': ({'a': 'photo'}, {'b': 'painting'}),
  'images': ({'image': 'painting', 'label': 'genre'},),
  'attributes': ({'image': 'painting', 'genre': 'genre'},),
  'pairs': ({'a': 'photo', 'b': 'painting'},),
  'labels': ({'a': 'labels', 'b': 'painting'},),
}


def open_scenes(source: Builtin, data: core.Data) -> Dataset:
  """Paint the scenes of a source; raises UserError."""
  genres = choose_classes(
    procedural.GENRES, data.classes, 'the built-in pictures'
  )
  # Scenes are not painted smaller than this, only shrunk.
  size = max(data.load_size or data.size, procedural.MIN_SIZE)
  # From the number of a genre to the label that the batch gives it.
  labels = np.zeros(len(procedural.GENRES), np.int32)
  labels[[procedural.GENRES.index(name) for name in genres]] = range(
    len(genres)
  )

  @functools.cache  # domains share scenes
  def render(first, count):
    logging.info('data: painting %d scenes (once, then cached)', count)
    scenes = procedural.render(
      source.seed, count, size, first=first, genres=genres, cache=_cache()
    )
    return scenes._replace(genre=labels[scenes.genre])

  def scenes(fields, first, count):
    drawn = render(first, count)
    arrays = {key: getattr(drawn, field) for key, field in fields.items()}
    # A scene is what its number and these make it.
    marks = [f'{source.layout}-{source.seed}'] * count
    return of_arrays(arrays, 'scene', data, first, marks)

  held = max(8, math.ceil(data.heldout * source.count))
  held_first = 2 * source.count  # the same scenes in every layout
  spaces = [
    Space(
      scenes(keys, number * source.count, source.count),
      scenes(keys, held_first, held),
    )
    for number, keys in enumerate(_SPACES[source.layout])
  ]
  column = Column('genre', tuple(genres))
  return assemble(
    spaces,
    'built-in pictures',
    f'{source.layout}, {source.count} train, {held} held out',
    names=genres if source.layout == 'images' else (),
    columns=(column,) if source.layout == 'attributes' else (),
  )


def _cache() -> str | None:
  """Return the folder that keeps painted scenes; None if there is no room."""
  try:
    folder = paths.home() / 'scenes'
    folder.mkdir(exist_ok=True)
  except (OSError, core.UserError):
    return None
  return str(folder) if os.access(folder, os.W_OK) else None
