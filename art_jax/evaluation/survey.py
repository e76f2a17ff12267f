"""One pass over a set of pictures, on all devices: what the scores need.

What was found about real pictures is kept in the user's cache folder by a
hash of every pixel, of the weights and of the versions of what computed it.
"""

import contextlib
import dataclasses
import hashlib
import io
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from art_jax import core
from art_jax.core import paths
from art_jax.core.paths import write_atomic
from art_jax.data import ops
from art_jax.devices import distributed, mesh
from art_jax.evaluation.pictures import Pictures
from art_jax.media import images as image_values
from art_jax.metrics import appearance
from art_jax.metrics.checkerboard import PERIOD, checkerboard_energy
from art_jax.metrics.features import Extractor

ROWS = 32  # pictures in a batch on one device
_SPECTRUM = 512  # pictures whose spectrum is looked at
# Raise it when anything below, or an extractor, computes something else.
_VERSION = 1


@dataclasses.dataclass(frozen=True, eq=False)
class Survey:
  """What is known about a set of N pictures.

  Attributes:
    features: f32[N, D].
    colourfulness: f32[N].
    sharpness: f32[N].
    checkerboard: ratio of the set; NaN if the pictures are too small.
    cached: nothing had to be computed.
  """

  features: np.ndarray
  colourfulness: np.ndarray
  sharpness: np.ndarray
  checkerboard: float
  cached: bool = False

  @property
  def count(self) -> int:
    """Number of pictures."""
    return len(self.features)


def survey(
  pictures: Pictures,
  extractor: Extractor,
  params: Any,
  devices: mesh.Devices,
  *,
  keep: bool = False,
) -> Survey:
  """Look at every picture once; rows are split over the devices.

  Args:
    pictures: the set.
    extractor: of the features.
    params: its weights.
    devices: where it is computed.
    keep: look into the cache first, and keep the result there.
  """
  path = _cache_file(pictures, extractor, params) if keep else None
  if path and (found := _load(path, pictures.count)):
    return found
  rows = ROWS * devices.count

  def look(params, rows):
    images = ops.to_float(rows)
    return {
      'features': extractor.apply(params, images),
      'colourfulness': appearance.colourfulness(images),
      'sharpness': appearance.sharpness(images),
    }

  look = devices.compile_rows(look)
  params = devices.replicate(params)
  parts, spectrum = [], []
  for batch in pictures.batches(rows):
    parts.append(map_rows(look, params, batch, rows, devices))
    if sum(map(len, spectrum)) < _SPECTRUM:
      spectrum.append(batch)
  whole = {k: np.concatenate([part[k] for part in parts]) for k in parts[0]}
  found = Survey(checkerboard=_checkerboard(spectrum), **whole)
  if path and np.isfinite(found.features).all() and distributed.is_main():
    _store(path, found)
  return found


def map_rows(
  function: Callable[..., Any],
  params: Any,
  inputs: Any,
  rows: int,
  devices: mesh.Devices,
) -> Any:
  """Apply a function from `Devices.compile_rows` to at most `rows` rows.

  The inputs, host arrays [n, ...], are filled up, so that one size is
  compiled. Returns host arrays [n, ...].
  """
  count = len(jax.tree.leaves(inputs)[0])

  def fill(x):
    x = np.concatenate([x, np.repeat(x[-1:], rows - count, axis=0)])
    return x[devices.local_rows(rows)]

  found = function(params, devices.place_batch(jax.tree.map(fill, inputs)))
  return jax.tree.map(lambda x: np.asarray(x)[:count], found)


def _checkerboard(batches: list[np.ndarray]) -> float:
  images = np.concatenate(batches)[:_SPECTRUM]
  if min(images.shape[1:3]) < 8 * PERIOD:
    return float('nan')
  return float(checkerboard_energy(image_values.from_uint8(images)))


def _cache_file(pictures, extractor, params) -> str | None:
  state = hashlib.sha256()
  for text in (_VERSION, jax.__version__, extractor.name, pictures.digest()):
    state.update(f'{text}|'.encode())
  for leaf in jax.tree.leaves(params):
    state.update(np.ascontiguousarray(leaf))
  try:
    folder = paths.home() / 'features'
    folder.mkdir(exist_ok=True)
  except (OSError, core.UserError):
    return None  # nowhere to keep it
  return str(folder / f'{extractor.name}-{state.hexdigest()[:32]}.npz')


def _load(path: str, count: int) -> Survey | None:
  try:
    with np.load(path, allow_pickle=False) as file:
      found = Survey(
        features=file['features'],
        colourfulness=file['colourfulness'],
        sharpness=file['sharpness'],
        checkerboard=float(file['checkerboard']),
        cached=True,
      )
  except Exception:  # missing or damaged: compute it again
    return None
  return found if found.count == count else None


def _store(path: str, found: Survey) -> None:
  values = dataclasses.asdict(found)
  del values['cached']
  # A full disk must not lose the result; a reader sees all of it or nothing.
  with contextlib.suppress(OSError):
    data = io.BytesIO()
    np.savez(data, **values)
    write_atomic(path, data.getvalue())
