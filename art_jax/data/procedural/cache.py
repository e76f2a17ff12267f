"""Render many scenes into arrays, and keeps them on disk.

Scenes are rendered one after the other in this process: a scene takes
milliseconds, and plain code cannot hang where worker processes could (under a
test runner, with a closed standard input, inside a notebook).
"""

import hashlib
import os
import uuid
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from art_jax.data.procedural.scenes import (
  GENRES,
  check_integer,
  check_size,
  scene,
)

# Part of every cache file name. Raise it whenever a picture may come out
# different: old files are then left alone and new ones are written.
RENDER_VERSION = 1


class Scenes(NamedTuple):
  """N scenes of side S.

  Attributes:
    photo: u8[N, S, S, 3].
    painting: u8[N, S, S, 3]; painting i shows the same scene as photo i.
    labels: u8[N, S, S, 3], the flat colors of `LABEL_COLORS`.
    genre: i32[N], indices into `GENRES`.
  """

  photo: np.ndarray
  painting: np.ndarray
  labels: np.ndarray
  genre: np.ndarray


def _check_genres(genres: Sequence[str]) -> tuple[int, ...]:
  """Return the numbers of the named genres; raises ValueError."""
  if isinstance(genres, str):
    raise ValueError(
      f'genres={genres!r} is one string; genres must be a sequence of names, '
      f'so pass ({genres!r},)'
    )
  names = tuple(genres)
  if not names:
    raise ValueError(
      f'genres={genres!r} is empty; name at least one of {GENRES}'
    )
  for name in names:
    if name not in GENRES:
      raise ValueError(
        f'unknown genre {name!r} in genres={names}; use names out of {GENRES}'
      )
  if len(set(names)) < len(names):
    raise ValueError(
      f'genres={names} names a genre twice; name each genre once'
    )
  return tuple(GENRES.index(name) for name in names)


def _indices(first: int, count: int, genres: tuple[int, ...]) -> list[int]:
  """Return the scene numbers of positions first .. first + count - 1.

  Position p takes genre `genres[p % len(genres)]` and is the
  (p // len(genres))-th scene of that genre, so that a restricted set holds
  scenes of the full set.
  """
  groups = range(first, first + count)
  return [
    len(GENRES) * (p // len(genres)) + genres[p % len(genres)] for p in groups
  ]


def cache_name(
  seed: int, count: int, size: int, first: int, genres: tuple[int, ...]
) -> str:
  """Return the file name under which `render` keeps these scenes."""
  what = '-'.join(GENRES[genre] for genre in genres)
  if genres == tuple(range(len(GENRES))):
    what = 'all'
  name = f'scenes_v{RENDER_VERSION}_{seed}_{first}_{count}_{size}px_{what}'
  # Very large seeds are legal but file names are not: shorten those.
  if len(name) > 150:
    name = f'{name[:80]}_{hashlib.sha256(name.encode()).hexdigest()[:16]}'
  return f'{name}.npz'


def _read(path: str, count: int, size: int, genre: np.ndarray) -> Scenes | None:
  """Return the scenes stored at `path`, or None if they cannot be used."""
  try:
    with np.load(path, allow_pickle=False) as stored:
      scenes = Scenes(*(stored[name] for name in Scenes._fields))
  except Exception:
    # A damaged archive can fail inside any decoder. Whatever went wrong, the
    # scenes can be rendered again.
    return None
  for view in scenes[:3]:
    if view.shape != (count, size, size, 3) or view.dtype != np.uint8:
      return None
  if scenes.genre.dtype != np.int32 or not np.array_equal(scenes.genre, genre):
    return None
  return scenes


def _write(path: str, scenes: Scenes) -> None:
  """Write the scenes so that `path` is always either absent or complete."""
  # A name of its own, so that two writers never share a draft.
  draft = f'{path}.{uuid.uuid4().hex}.part'
  try:
    with open(draft, 'wb') as file:
      np.savez(file, **scenes._asdict())
      file.flush()
      os.fsync(file.fileno())
    os.replace(draft, path)
  except BaseException:
    if os.path.exists(draft):
      os.remove(draft)
    raise


def _draw(seed: int, indices: list[int], size: int) -> Scenes:
  """Draw the scenes of these numbers."""
  count = len(indices)
  views = [np.empty((count, size, size, 3), np.uint8) for _ in range(3)]
  for place, index in enumerate(indices):
    drawn = scene(seed, index, size)
    for view, picture in zip(views, drawn[:3], strict=True):
      view[place] = picture
  genre = np.array([i % len(GENRES) for i in indices], np.int32)
  photo, painting, labels = views
  return Scenes(photo, painting, labels, genre)


def render(
  seed: int,
  count: int,
  size: int,
  *,
  first: int = 0,
  genres: Sequence[str] = GENRES,
  cache: str | None = None,
) -> Scenes:
  """Render `count` scenes.

  Position p of the set (p = first .. first + count - 1) shows genre
  `genres[p % len(genres)]`. With all genres it is `scene(seed, p, size)`; with
  fewer it is the next scene of that genre in the full set. A scene does not
  depend on what else is rendered, and two runs give the same bits.

  Args:
    seed: chooses the set, >= 0.
    count: number of scenes N, >= 0.
    size: side S in pixels, >= 32.
    first: position of the first scene, >= 0.
    genres: the genres to cycle through, out of `GENRES`.
    cache: folder that keeps the arrays for the next call; made if missing. A
      file that is damaged or does not hold what its name says is rendered
      again. None keeps nothing.

  Returns:
    The scenes, N in number.

  Raises:
    ValueError: an argument breaks its rule above.
    OSError: the folder `cache` cannot be written.
  """
  for name, value in (('seed', seed), ('count', count), ('first', first)):
    check_integer(name, value, 0)
  check_size(size)
  chosen = _check_genres(genres)
  indices = _indices(first, count, chosen)
  path = ''
  if cache is not None:
    os.makedirs(cache, exist_ok=True)
    path = os.path.join(cache, cache_name(seed, count, size, first, chosen))
    genre = np.array([i % len(GENRES) for i in indices], np.int32)
    stored = _read(path, count, size, genre)
    if stored is not None:
      return stored
  scenes = _draw(seed, indices, size)
  if path:
    _write(path, scenes)
  return scenes
