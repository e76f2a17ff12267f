"""Scenes: one composition seen as photo, as painting and as label map."""

from typing import NamedTuple

import numpy as np

from art_jax.data.procedural.abstract import abstract
from art_jax.data.procedural.brush import paint, paint_grade, photo_grade
from art_jax.data.procedural.canvas import Canvas
from art_jax.data.procedural.cityscape import cityscape
from art_jax.data.procedural.flower import flower
from art_jax.data.procedural.landscape import landscape
from art_jax.data.procedural.portrait import portrait

GENRES = ('landscape', 'portrait', 'flower', 'cityscape', 'abstract')
MIN_SIZE = 32

_COMPOSERS = {
  'landscape': landscape,
  'cityscape': cityscape,
  'abstract': abstract,
  'portrait': portrait,
  'flower': flower,
}


class Scene(NamedTuple):
  """Three views of one scene.

  Attributes:
    photo: u8[S, S, 3].
    painting: u8[S, S, 3], of the same scene, stroke by stroke.
    labels: u8[S, S, 3], the flat colors of `LABEL_COLORS`.
    genre: index into `GENRES`.
  """

  photo: np.ndarray
  painting: np.ndarray
  labels: np.ndarray
  genre: int


def _photo(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
  """Return the camera's view u8[S, S, 3]: graded, with a slight grain."""
  grain = rng.normal(0, 0.011, (*rgb.shape[:2], 1)).astype(np.float32)
  view = photo_grade(rgb) + grain
  return (np.clip(view, 0, 1) * 255 + 0.5).astype(np.uint8)


def check_integer(name: str, value: int, least: int) -> None:
  """Raise ValueError unless `value` is an integer >= `least`."""
  whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
  if not whole or value < least:
    raise ValueError(
      f'{name}={value!r} is not an integer >= {least}; '
      f'pass a whole number of at least {least}'
    )


def check_size(size: int) -> None:
  """Raise ValueError unless `size` is a side that scenes can be drawn at."""
  whole = isinstance(size, int | np.integer) and not isinstance(size, bool)
  if not whole or size < MIN_SIZE:
    raise ValueError(
      f'size={size!r} is not an integer >= {MIN_SIZE}; draw scenes at '
      f'{MIN_SIZE} px or more and shrink the arrays if you need smaller ones'
    )


def scene(seed: int, index: int, size: int) -> Scene:
  """Draw one scene; a pure function of its arguments.

  The same seed and index show the same composition at every size.

  Args:
    seed: chooses the set of scenes, >= 0.
    index: number of the scene in the set, >= 0; its genre is
      `GENRES[index % 5]`.
    size: side S in pixels, >= 32.

  Returns:
    The scene as photo, painting and label map, each u8[S, S, 3].

  Raises:
    ValueError: an argument is not an integer or too small.
  """
  check_integer('seed', seed, 0)
  check_integer('index', index, 0)
  check_size(size)
  genre = int(index % len(GENRES))
  # One stream of random numbers per purpose: the composition must not depend
  # on how many numbers the grain or the brush take, which varies with size.
  form, grain, brush = (
    np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))
    for key in ((seed, index, purpose) for purpose in range(3))
  )
  canvas = Canvas(int(size))
  _COMPOSERS[GENRES[genre]](canvas, form)
  rgb = np.clip(canvas.rgb, 0, 1)
  photo = _photo(rgb, grain)
  painting = paint(paint_grade(rgb), brush)
  return Scene(photo, painting, canvas.labels(), genre)
