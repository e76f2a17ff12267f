"""A source that needs no files: procedural paintings."""

import dataclasses
import functools
import math
import os

import numpy as np
from absl import logging
from PIL import Image

from art_jax import core
from art_jax.core import paths
from art_jax.data import decode
from art_jax.data.columns import Column
from art_jax.data.dataset import (
  Dataset,
  Examples,
  assemble,
  choose_classes,
  cutter,
)

LAYOUTS = ('unpaired', 'images', 'attributes', 'pairs', 'labels')


@dataclasses.dataclass(frozen=True)
class Builtin:
  """Procedural landscapes, portraits, flowers, ... painted on the spot.

  Needs no files and no network. The held-out scenes are further ones that
  training never sees.

  Attributes:
    layout: 'unpaired': a photos, b paintings of OTHER scenes (held-out a and
      b show the same scenes in the same order, so the truth is known);
      'images': paintings with genre labels; 'attributes': the same, the genre
      under the key 'genre'; 'pairs': a photo, b painting of
      one scene; 'labels': a label map, b painting of one scene.
    count: number of training scenes (of each domain).
    seed: another seed gives other scenes.
  """

  layout: str = 'unpaired'
  count: int = 256
  seed: int = 0

  def __post_init__(self):
    if self.layout not in LAYOUTS:
      raise core.UserError(
        f'Builtin(layout={self.layout!r}): it is one of {", ".join(LAYOUTS)}'
      )
    if self.count < 1:
      raise core.UserError(f'Builtin(count={self.count}): it is at least 1')

  @property
  def num_train(self) -> int:
    """Number of training pictures of one epoch."""
    return self.count

  def open(self, data: core.Data) -> Dataset:
    """Paint the scenes; raises UserError."""
    from art_jax.data import procedural

    genres = procedural.GENRES
    if data.classes:
      genres = choose_classes(genres, data.classes, 'the built-in pictures')
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
        self.seed, count, size, first=first, genres=genres, cache=_cache()
      )
      return scenes._replace(genre=labels[scenes.genre])

    held = max(8, math.ceil(data.heldout * self.count))
    held_first = 2 * self.count  # the same scenes in every layout
    spaces = []
    for number, keys in enumerate(self._spaces()):
      first = number * self.count
      train = _scenes(keys, first, render(first, self.count), data)
      heldout = _scenes(keys, held_first, render(held_first, held), data)
      spaces.append((train, heldout))
    text = f'{self.layout}, {self.count} train, {held} held out'
    names = tuple(genres) if self.layout == 'images' else ()
    columns = ()
    if self.layout == 'attributes':
      columns = (Column('genre', tuple(genres)),)
    return assemble(
      spaces, text, [], 'built-in pictures', names, columns=columns
    )

  def _spaces(self) -> tuple[dict[str, str], ...]:
    """Return, per index space, the field of a scene behind each key."""
    return {
      'unpaired': ({'a': 'photo'}, {'b': 'painting'}),
      'images': ({'image': 'painting', 'label': 'genre'},),
      'attributes': ({'image': 'painting', 'genre': 'genre'},),
      'pairs': ({'a': 'photo', 'b': 'painting'},),
      'labels': ({'a': 'labels', 'b': 'painting'},),
    }[self.layout]


def _cache() -> str | None:
  """Return the folder that keeps painted scenes; None if there is no room."""
  try:
    folder = paths.home() / 'scenes'
    folder.mkdir(exist_ok=True)
  except (OSError, core.UserError):
    return None
  return str(folder) if os.access(folder, os.W_OK) else None


def _scenes(fields: dict[str, str], first: int, scenes, data) -> Examples:
  arrays = {key: getattr(scenes, field) for key, field in fields.items()}
  cut = cutter(data)
  count = len(next(iter(arrays.values())))

  def load(index):
    rows = {key: value[index] for key, value in arrays.items()}
    return {
      key: np.array(value, np.int32)
      if value.ndim == 0
      else decode.resize(Image.fromarray(value), **cut)
      for key, value in rows.items()
    }

  names = tuple(f'scene {first + index}' for index in range(count))
  return Examples(tuple(arrays), names, load)
