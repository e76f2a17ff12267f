"""One pass over a set of pictures, on all devices: what the scores need.

The survey of real pictures is kept in the user's cache folder by a
hash of every pixel, of the weights and of the versions of what computed it.
"""

import contextlib
import dataclasses
import hashlib
import io
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.core import paths
from art_jax.data import ops
from art_jax.devices import distributed, mesh
from art_jax.evaluation.pictures import Pictures
from art_jax.metrics import appearance
from art_jax.metrics.checkerboard import PERIOD, checkerboard_energy
from art_jax.metrics.features import Extractor

ROWS = 32  # pictures in a batch on one device
_SPECTRUM = 512  # pictures whose spectrum is measured
# Raise it when anything below, or an extractor, computes something else.
_VERSION = 1


@dataclasses.dataclass(frozen=True, eq=False)
class Survey:
  """What is known about a set of N pictures.

  Attributes:
    features: f32[N, D].
    colorfulness: f32[N].
    sharpness: f32[N].
    checkerboard: ratio of the set; NaN if the pictures are too small.
    cached: nothing had to be computed.
  """

  features: np.ndarray
  colorfulness: np.ndarray
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
  """Measure every picture once; rows are split over the devices.

  Args:
    pictures: the set.
    extractor: of the features.
    params: its weights.
    devices: where it is computed.
    keep: take the result from the cache, or keep it there.
  """
  path = _cache_file(pictures, extractor, params) if keep else None
  if path and (cached := _load(path, pictures.count)):
    return cached

  def measure(params, rows):
    images = ops.to_float(rows)
    return {
      'features': extractor.apply(params, images),
      'colorfulness': appearance.colorfulness(images),
      'sharpness': appearance.sharpness(images),
    }

  measure_batch = by_rows(measure, params, devices)
  parts, spectrum = [], []
  for batch in pictures.batches(ROWS * devices.count):
    parts.append(measure_batch(batch))
    if sum(map(len, spectrum)) < _SPECTRUM:
      spectrum.append(batch)
  whole = {k: np.concatenate([part[k] for part in parts]) for k in parts[0]}
  result = Survey(**whole, checkerboard=_checkerboard(spectrum), cached=False)
  if path and np.isfinite(result.features).all() and distributed.is_main():
    _store(path, result)
  return result


def by_rows(
  function: Callable[[Any, Any], Any], params: Any, devices: mesh.Devices
) -> Callable[[Any], Any]:
  """Compile `function(params, rows)`, which treats each row alone.

  Returns:
    A function of host arrays [n, ...], any n, that returns such arrays. They
    are cut, and the last part is filled up, to the one size that is compiled.
  """
  rows = ROWS * devices.count
  compiled, whole = devices.compile_rows(function), devices.replicate(params)

  def apply_part(inputs, first):
    def cut(x):
      part = x[first : first + rows]
      part = np.concatenate([part, np.repeat(x[-1:], rows - len(part), axis=0)])
      return part[devices.local_rows(rows)]

    return compiled(whole, devices.place_batch(jax.tree.map(cut, inputs)))

  def apply(inputs):
    count = len(jax.tree.leaves(inputs)[0])
    parts = [apply_part(inputs, first) for first in range(0, count, rows)]
    return jax.tree.map(lambda *x: np.concatenate(x)[:count], *parts)

  return apply


def _checkerboard(batches: list[np.ndarray]) -> float:
  images = np.concatenate(batches)[:_SPECTRUM]
  return (
    float('nan')
    if min(images.shape[1:3]) < 8 * PERIOD
    else float(checkerboard_energy(ops.to_float(jnp.asarray(images))))
  )


def _cache_file(
  pictures: Pictures, extractor: Extractor, params: Any
) -> str | None:
  state = hashlib.sha256()
  for text in (_VERSION, jax.__version__, extractor.name, pictures.digest()):
    state.update(f'{text}|'.encode())
  for leaf in jax.tree.leaves(params):
    state.update(np.ascontiguousarray(leaf).data)
  try:
    folder = paths.home() / 'features'
    folder.mkdir(exist_ok=True)
  except (OSError, core.UserError):
    return None  # nowhere to keep it
  return str(folder / f'{extractor.name}-{state.hexdigest()[:32]}.npz')


def _load(path: str, count: int) -> Survey | None:
  try:
    with np.load(path, allow_pickle=False) as file:
      stored = Survey(
        features=file['features'],
        colorfulness=file['colourfulness'],
        sharpness=file['sharpness'],
        checkerboard=float(file['checkerboard']),
        cached=True,
      )
  except Exception:  # missing or damaged: compute it again
    return None
  return stored if stored.count == count else None


def _store(path: str, survey: Survey) -> None:
  # A full disk must not lose the result; a reader sees all of it or nothing.
  with contextlib.suppress(OSError):
    data = io.BytesIO()
    np.savez(
      data,
      features=survey.features,
      colourfulness=survey.colorfulness,
      sharpness=survey.sharpness,
      checkerboard=survey.checkerboard,
    )
    paths.write_atomic(path, data.getvalue())
