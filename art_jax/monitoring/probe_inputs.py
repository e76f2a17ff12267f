"""The fixed pictures and latents of a probe."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.data import ops, parallel
from art_jax.data.dataset import Dataset, Examples
from art_jax.metrics.checkerboard import PERIOD, checkerboard_energy
from art_jax.monitoring.neighbors import Reference

_JUDGED = 64  # pictures of each kind that a discriminator scores
_CLASSES = 32  # classes that are measured, at most
_CLASS_SAMPLES = 8  # samples of each class, at least
_KEY = 0x70726F62  # keeps these latents apart from all other draws


@dataclasses.dataclass(frozen=True, eq=False)
class Group:
  """One set of pictures that the model makes, and what it is compared with.

  Attributes:
    name: '' or the direction of a translator.
    inputs: latents [N, ...] or pictures f32[N, H, W, C], as host arrays.
    labels: i32[N] of the samples, or None.
    truth: f32[N, H, W, C] that the output should equal, or None.
    reference: training pictures.
    checkerboard: grid energy of those.
    reference_pictures: their numbers -> f32[N, H, W, C], read anew.
  """

  name: str
  inputs: np.ndarray
  labels: np.ndarray | None
  truth: np.ndarray | None
  reference: Reference
  checkerboard: float
  reference_pictures: Callable[[np.ndarray], np.ndarray]


def probe_key(seed: int) -> core.Key:
  """Return the key of every draw of a probe."""
  return jax.random.fold_in(jax.random.key(seed), _KEY)


class ProbeReader:
  """Reads the fixed pictures of a probe."""

  def __init__(self, experiment, dataset: Dataset, extractor, rows: int):
    self._experiment, self._dataset = experiment, dataset
    self._limits = experiment.train.alarms
    self._extractor, self._rows = extractor, rows
    self._apply = jax.jit(
      lambda weights, x: (extractor.apply(weights, x), grid_energy(x)[None])
    )

  def generative(self) -> list[Group]:
    """Return samples of fixed latents, and reconstructions if it encodes."""
    algorithm, limits = self._experiment.algorithm, self._limits
    reference = self._reference('image')
    if reference is None:
      return []
    count, labels = limits.count, None
    if core.sampling_passes(algorithm) > 1:  # many passes for one sample
      count //= 4
    classes = min(core.num_classes(algorithm), _CLASSES)
    if classes:
      count = max(_CLASS_SAMPLES, -(-count // classes)) * classes
      labels = (np.arange(count) % classes).astype(np.int32)
    elif core.attributes(algorithm):
      read = self._read(self._space('image', self._dataset.train), count)
      conditions = np.asarray(core.labels(algorithm, read))
      labels = conditions[np.arange(count) % len(conditions)]
    key = probe_key(self._experiment.train.seed)
    z = np.asarray(algorithm.latents(key, count))
    groups = [Group('', z, labels, None, *reference)]
    if isinstance(algorithm, core.Encoder):
      pictures = self._pictures('image', limits.count // 4)['image']
      groups.append(Group('', pictures, None, pictures, *reference))
    return groups

  def translations(self) -> list[Group]:
    """Return held-out pictures to translate, in every direction."""
    algorithm, groups = self._experiment.algorithm, []
    for direction in algorithm.directions:
      source, target = direction[:1], direction[-1:]
      if not {source, target} <= set(self._dataset.keys):
        continue
      reference = self._reference(target)
      pictures = self._pictures(source, self._limits.count // 4)
      if reference is not None:
        truth = pictures.get(target) if algorithm.aligned else None
        groups.append(
          Group(direction, pictures[source], None, truth, *reference)
        )
    return groups

  def judged(self, group: Group) -> dict[str, Any]:
    """Return what the discriminator scores."""
    algorithm = self._experiment.algorithm
    dataset, labels = self._dataset, group.labels
    chosen = None if labels is None else labels[:_JUDGED]
    shown: dict[str, Any] = {'latents': (group.inputs[:_JUDGED], chosen)}
    for name in ('train', 'heldout'):
      read = self._read(self._space('image', getattr(dataset, name)), _JUDGED)
      shown[name] = read['image'], jax.device_get(core.labels(algorithm, read))
    return shown

  def _pictures(self, key: str, count: int) -> dict[str, np.ndarray]:
    """Return held-out examples; training ones where those are few."""
    space = self._space(key, self._dataset.heldout)
    if len(space) < min(count, 8):
      space = self._space(key, self._dataset.train)
    return self._read(space, count)

  def _reference(self, key: str) -> tuple | None:
    space = self._space(key, self._dataset.train)
    count = min(len(space), self._limits.reference)
    if count < 4:
      return None
    parts, labels = [], []
    weights = self._extractor.load()
    for first in range(0, count, self._rows):
      rows = np.arange(first, first + self._rows) % count
      read = self._read(space, count, rows)
      parts.append(self._apply(weights, read[key]))
      labels.append(read.get('label', np.zeros(len(rows), np.int32)))
    points, grids = zip(*jax.device_get(parts), strict=True)
    return (
      Reference(np.concatenate(points)[:count], np.concatenate(labels)[:count]),
      float(np.mean(grids)),
      lambda chosen: self._read(space, count, chosen)[key],
    )

  def _read(self, space: Examples, count: int, rows=None):
    """Return `count` examples spread over a space, or some `rows` of those."""
    count = min(count, len(space))
    spread = np.linspace(0, len(space) - 1, count).astype(int)
    chosen = spread if rows is None else spread[rows]
    read = parallel.map_indices(
      lambda i: space.read(int(chosen[i])), len(chosen), 'reading the probe'
    )
    stacked = {name: np.stack([row[name] for row in read]) for name in read[0]}
    return ops.center(stacked, self._experiment.data.size)

  def _space(self, key: str, spaces: tuple[Examples, ...]) -> Examples:
    return next(space for space in spaces if key in space.keys)


def grid_energy(pictures: jax.Array) -> jax.Array:
  """Return the checkerboard energy of a set, 1 where it has no meaning."""
  return (
    jnp.float32(1)
    if min(pictures.shape[1:3]) < 8 * PERIOD
    else checkerboard_energy(pictures)
  )
