"""What a run measures of itself while it trains: the same few samples always.

At every rendering the model draws samples of fixed latents (or translates
fixed held-out pictures) and compares them with fixed training pictures, in
the space of `train.alarm_features`. The numbers are rows of metrics.jsonl,
named `probe/NAME/FEATURES@COUNT`, and nothing else ever sees them: a training
with and without probes is the same.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.data import ops, parallel
from art_jax.data.dataset import Dataset, Examples
from art_jax.devices import mesh
from art_jax.media import images
from art_jax.metrics import features
from art_jax.metrics.checkerboard import PERIOD, checkerboard_energy
from art_jax.monitoring.alarms import neighbours
from art_jax.monitoring.alarms.neighbours import Products, Reference
from art_jax.sampling import interpolate

_JUDGED = 64  # pictures of each kind that a discriminator scores
_CLASSES = 32  # classes that are looked at, at most
_CLASS_SAMPLES = 8  # samples of each class, at least
_SHOWN = 16  # samples that are shown beside their nearest pictures
_BETWEEN = 8  # pictures from one latent to another
_CHUNK = 8, 64  # samples made at once: a batch, within these bounds
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


class Probe:
  """Measures one run; `open_probe` makes it."""

  def __init__(self, algorithm, extractor, groups, judged, rows, seed, devices):
    """Take what `open_probe` has read."""
    self._algorithm, self._extractor = algorithm, extractor
    self._groups, self._rows = groups, rows
    self._shown = None
    self._params = devices.replicate(extractor.load())
    self._judged = devices.replicate(judged)
    self._key = devices.replicate(probe_key(seed))
    self._make = {
      group.name: devices.compile_render(
        functools.partial(self._make_chunk, direction=group.name)
      )
      for group in groups
    }
    self._multiply = devices.compile_render(_multiply)
    self._score = devices.compile_render(self._score_judged)

  def measure(self, state: core.State) -> dict[str, float]:
    """Return the rows of one state; {} if its pictures are not finite."""
    found, self._shown = {}, None
    for group in self._groups:
      made = self._made(state, group)
      if not np.isfinite(made.get('features', made.get('l1'))).all():
        return {}
      found |= self._compare(group, made)
    found |= self._scores(state)
    return found

  def pictures(self, state: core.State) -> dict[str, np.ndarray]:
    """Return pictures to look at, of the state that was measured last.

    Returns:
      nearest: samples, each beside the training picture nearest to it;
      interpolation: rows of pictures between two latents. u8[N, H, W, C]; {}
      for a translator, or if the samples were not finite.
    """
    group = self._groups[0]
    if group.name or self._shown is None:
      return {}
    samples, nearest = self._shown
    beside = images.to_uint8(group.reference_pictures(nearest))
    return {
      'nearest': np.concatenate([samples, beside], axis=2),
      'interpolation': self._between(state, group),
    }

  def _between(self, state, group: Group) -> np.ndarray:
    """Return a sheet u8[1, H', W', 3] of as many rows as one chunk has."""
    rows = self._rows // _BETWEEN
    a, b = group.inputs[: 2 * rows].reshape(2, rows, *group.inputs.shape[1:])
    walk = interpolate.path_of(group.inputs)
    times = np.linspace(0, 1, _BETWEEN)
    chunk = {
      'inputs': np.stack(
        [walk(x, y, t) for x, y in zip(a, b, strict=True) for t in times]
      )
    }
    if group.labels is not None:
      chunk['labels'] = np.repeat(group.labels[:rows], _BETWEEN, axis=0)
    make = self._make[group.name]
    made = make(state, chunk, self._params, self._key)
    sheet = images.grid(np.asarray(made['pictures']), columns=_BETWEEN)
    return sheet[None]

  def _made(self, state, group: Group) -> dict[str, np.ndarray]:
    parts = []
    count = len(group.inputs)
    at_once = min(self._rows, count)
    for first in range(0, count, at_once):
      rows = np.arange(first, first + at_once) % count
      chunk = {'inputs': group.inputs[rows]}
      for name in ('labels', 'truth'):
        if getattr(group, name) is not None:
          chunk[name] = getattr(group, name)[rows]
      make = self._make[group.name]
      parts.append(make(state, chunk, self._params, self._key))
    parts = jax.device_get(parts)
    joined = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
    # The last chunk begins again with the first samples.
    whole = ('features', 'mirrored', 'l1')
    return {k: v[:count] if k in whole else v for k, v in joined.items()}

  def _make_chunk(self, state, chunk, weights, key, *, direction):
    model = self._algorithm
    params = model.inference(state)
    inputs = chunk['inputs']
    if direction:
      made = model.translate(params, inputs, direction, key=key)
    elif inputs.ndim == 4 and isinstance(model, core.Encoder):
      made = model.generate(params, model.encode(params, inputs), key=key)
    else:
      made = model.generate(params, inputs, chunk.get('labels'), key=key)
    found = {}
    if 'truth' in chunk:
      error = jnp.abs(made - chunk['truth'])
      found['l1'] = error.mean(axis=(1, 2, 3))
      if not direction:  # a reconstruction: no sample of anything
        return found
    found['features'] = self._extractor.apply(weights, made)
    found['checkerboard'] = _grid_energy(made)[None]
    if not direction:
      found['mirrored'] = self._extractor.apply(weights, made[:, :, ::-1])
      scaled = jnp.clip((made + 1) * 127.5, 0, 255)
      found['pictures'] = jnp.rint(scaled).astype(jnp.uint8)  # small to fetch
    return found

  def _compare(self, group: Group, made) -> dict[str, float]:
    reference, count = group.reference, len(group.inputs)
    protocol = f'{self._extractor.name}@{count}'
    end = f'/{group.name}' if group.name else ''
    found = {}

    def add(name, value, end=end):
      found[f'probe/{name}/{protocol}{end}'] = float(value)

    if 'l1' in made:
      found[f'probe/l1/pixels@{count}{end}'] = float(made['l1'].mean())
      if not group.name:
        return found
    own, across, mirrored = self._products(made, reference)
    apart, spread = own.distances(), reference.spread
    add('diversity', neighbours.mean_distance(apart) / spread)
    distinct = neighbours.effective_number(apart, spread)
    add('distinct', distinct / reference.distinct(count))
    add('kid', neighbours.kid(own, across, reference))
    add('kid_of_grey', reference.kernel_mean - 1)
    grid = float(made['checkerboard'].mean())
    found[f'probe/checkerboard{end}'] = grid / group.checkerboard
    if group.name:
      return found
    away = across.distances()
    add('recall', neighbours.recall(apart, away))
    nearest = np.minimum(away, mirrored.distances())
    add('memorised', neighbours.memorised(nearest, reference))
    chosen = nearest[:_SHOWN].argmin(axis=1)
    self._shown = made['pictures'][: len(chosen)], chosen
    classes = group.labels is not None and group.labels.ndim == 1
    for label in sorted(set(group.labels)) if classes else ():
      usual = reference.class_spread(label)
      if usual is not None:
        rows = np.flatnonzero(group.labels == label)
        value = neighbours.mean_distance(apart[np.ix_(rows, rows)]) / usual
        add('diversity', value, f'/class{label}')
    return found

  def _products(self, made, reference) -> list[Products]:
    points = made['features']
    mirrored = made.get('mirrored', points)
    found = self._multiply(points, mirrored, reference.points)
    width = reference.points.shape[1]
    return [Products(**one, width=width) for one in jax.device_get(found)]

  def _scores(self, state) -> dict[str, float]:
    if not self._judged:
      return {}
    scores = jax.device_get(self._score(state, self._judged, self._key))
    return {f'probe/score/{k}': float(np.mean(v)) for k, v in scores.items()}

  def _score_judged(self, state, judged, key):
    model = self._algorithm
    params = model.inference(state)
    z, labels = judged['latents']
    shown = {
      'train': judged['train'],
      'heldout': judged['heldout'],
      'fake': (model.generate(params, z, labels, key=key), labels),
    }
    return {
      name: model.score(params, pictures, labels)
      for name, (pictures, labels) in shown.items()
    }


def open_probe(
  experiment: core.Experiment, dataset: Dataset, devices: mesh.Devices
) -> Probe | None:
  """Read what a run is compared with; None if its model makes no pictures.

  Args:
    experiment: with durations in steps.
    dataset: the training and held-out pictures.
    devices: where the model lives.
  """
  plan, algorithm = experiment.train, experiment.algorithm
  extractor = features.get(plan.alarm_features)
  low, high = _CHUNK
  rows = min(max(plan.batch_size, low), high)
  reader = _Reader(experiment, dataset, extractor, rows)
  judged = {}
  if isinstance(algorithm, core.Generative):
    groups = reader.generative()
    if groups and isinstance(algorithm, core.Scorer):
      judged = reader.judged(groups[0])
  elif isinstance(algorithm, core.Translator):
    groups = reader.translations()
  else:
    return None
  if not groups:
    return None
  return Probe(algorithm, extractor, groups, judged, rows, plan.seed, devices)


def probe_key(seed: int) -> core.Key:
  """Return the key of every draw of a probe."""
  return jax.random.fold_in(jax.random.key(seed), _KEY)


class _Reader:
  """Reads the fixed pictures of a probe."""

  def __init__(self, experiment, dataset: Dataset, extractor, rows: int):
    self._experiment, self._dataset = experiment, dataset
    self._limits = experiment.train.alarms
    self._extractor, self._rows = extractor, rows
    self._apply = jax.jit(
      lambda weights, x: (extractor.apply(weights, x), _grid_energy(x)[None])
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
      each = max(_CLASS_SAMPLES, -(-count // classes))
      count = each * classes
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
    shown = {
      'latents': (
        group.inputs[:_JUDGED],
        labels if labels is None else labels[:_JUDGED],
      )
    }
    for name, spaces in (
      ('train', dataset.train),
      ('heldout', dataset.heldout),
    ):
      read = self._read(self._space('image', spaces), _JUDGED)
      conditions = core.labels(algorithm, read)
      if conditions is not None:
        conditions = np.asarray(conditions)
      shown[name] = read['image'], conditions
    return shown

  def _pictures(self, key: str, count: int) -> dict[str, np.ndarray]:
    """Return held-out examples; training ones where those are few."""
    held = self._space(key, self._dataset.heldout)
    enough = len(held) >= min(count, 8)
    space = held if enough else self._space(key, self._dataset.train)
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
    found = Reference(
      np.concatenate(points)[:count], np.concatenate(labels)[:count]
    )

    def pictures(chosen):
      return self._read(space, count, chosen)[key]

    return found, float(np.mean(grids)), pictures

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


def _grid_energy(pictures: jax.Array) -> jax.Array:
  """Return the checkerboard energy of a set, 1 where it has no meaning."""
  if min(pictures.shape[1:3]) < 8 * PERIOD:
    return jnp.float32(1)
  return checkerboard_energy(pictures)


def _multiply(points, mirrored, reference):
  """Return what `Products` holds: own, across, and mirrored across."""
  return (
    neighbours.products(points, points),
    neighbours.products(points, reference),
    neighbours.products(mirrored, reference),
  )


def default_metric(names: list[str]) -> str | None:
  """Return which of a run's measurements tells its best moment.

  The reconstruction error of an autoencoder and the distance to the truth of
  a translator of pairs; else KID. A translator's directions are averaged.
  """
  for kind in ('probe/l1/', 'probe/kid/'):
    found = [name for name in names if name.startswith(kind)]
    if found:
      return '/'.join(found[0].split('/')[:3])
  return None


def value_of(metric: str, row: Mapping[str, float]) -> float | None:
  """Return the value of a metric in a row, averaged over directions."""
  found = [
    value
    for name, value in row.items()
    if name == metric or name.startswith(f'{metric}/')
  ]
  return float(np.mean(found)) if found else None
