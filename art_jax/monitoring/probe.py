"""What a run measures of itself while it trains: the same few samples always.

At every rendering the model draws samples of fixed latents (or translates
fixed held-out pictures) and compares them with fixed training pictures, in
the space of `train.alarm_features`. The numbers are rows of metrics.jsonl,
named `probe/NAME/FEATURES@COUNT`, and nothing else ever sees them: a run with
probes and one without are the same.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.data.dataset import Dataset
from art_jax.devices import mesh
from art_jax.media import images
from art_jax.metrics import features
from art_jax.monitoring import neighbors, probe_inputs
from art_jax.sampling import interpolate

_SHOWN = 16  # samples that are shown beside their nearest pictures
_BETWEEN = 8  # pictures from one latent to another
_CHUNK = 8, 64  # samples made at once: a batch, within these bounds


class Probe:
  """Measures one run; `open_probe` makes it."""

  def __init__(self, algorithm, extractor, groups, judged, rows, seed, devices):
    """Take what `open_probe` has read."""
    self._algorithm, self._extractor = algorithm, extractor
    self._groups, self._rows = groups, rows
    self._shown = None
    self._params = devices.replicate(extractor.load())
    self._judged = devices.replicate(judged)
    self._key = devices.replicate(probe_inputs.probe_key(seed))
    self._make = {
      group.name: devices.compile_render(
        functools.partial(self._make_chunk, direction=group.name)
      )
      for group in groups
    }
    self._near = devices.compile_render(neighbors.compare)
    self._score = devices.compile_render(self._score_judged)

  def measure(self, state: core.State) -> dict[str, float]:
    """Return the rows of one state; {} if its pictures are not finite."""
    row, self._shown = {}, None
    for group in self._groups:
      made = self._made(state, group)
      if not np.isfinite(
        made['features' if 'features' in made else 'l1']
      ).all():
        return {}
      row |= self._compare(group, made)
    return row | self._scores(state)

  def pictures(self, state: core.State) -> dict[str, np.ndarray]:
    """Return pictures for people, of the state that was measured last.

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

  def _between(self, state, group: probe_inputs.Group) -> np.ndarray:
    """Return a sheet u8[1, H', W', 3] of as many rows as one chunk has."""
    rows = min(self._rows // _BETWEEN, len(group.inputs) // 2)
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
    made = self._make[group.name](state, chunk, self._params, self._key)
    return images.grid(np.asarray(made['pictures']), columns=_BETWEEN)[None]

  def _made(self, state, group: probe_inputs.Group) -> dict[str, np.ndarray]:
    count = len(group.inputs)
    at_once = min(self._rows, count)
    parts = []
    for first in range(0, count, at_once):
      rows = np.arange(first, first + at_once) % count
      fields = {n: getattr(group, n) for n in ('inputs', 'labels', 'truth')}
      chunk = {n: x[rows] for n, x in fields.items() if x is not None}
      make = self._make[group.name]
      parts.append(make(state, chunk, self._params, self._key))
    parts = jax.device_get(parts)
    joined = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
    # The last chunk begins again with the first samples.
    return {
      k: v[:count] if k in ('features', 'mirrored', 'l1') else v
      for k, v in joined.items()
    }

  def _make_chunk(self, state, chunk, weights, key, *, direction):
    model: Any = self._algorithm
    params = model.inference(state)
    inputs = chunk['inputs']
    if direction:
      made = model.translate(params, inputs, direction, key=key)
    elif 'truth' in chunk:  # pictures to reconstruct, not latents
      made = model.generate(params, model.encode(params, inputs), key=key)
    else:
      made = model.generate(params, inputs, chunk.get('labels'), key=key)
    out = {}
    if 'truth' in chunk:
      out['l1'] = jnp.abs(made - chunk['truth']).mean(axis=(1, 2, 3))
      if not direction:  # a reconstruction: no sample of anything
        return out
    out['features'] = self._extractor.apply(weights, made)
    out['checkerboard'] = probe_inputs.grid_energy(made)[None]
    if not direction:
      out['mirrored'] = self._extractor.apply(weights, made[:, :, ::-1])
      scaled = jnp.clip((made + 1) * 127.5, 0, 255)
      out['pictures'] = jnp.rint(scaled).astype(jnp.uint8)  # small to fetch
    return out

  def _compare(self, group: probe_inputs.Group, made) -> dict[str, float]:
    """Return the rows of one group of samples; keep some to show."""
    reference, count = group.reference, len(group.inputs)
    protocol = f'{self._extractor.name}@{count}'
    end = f'/{group.name}' if group.name else ''
    row = {}

    def add(name, value, end=end):
      row[f'probe/{name}/{protocol}{end}'] = float(value)

    if 'l1' in made:
      row[f'probe/l1/pixels@{count}{end}'] = float(made['l1'].mean())
      if not group.name:
        return row
    points = made['features']
    mirrored = made.get('mirrored', points)
    near = jax.device_get(self._near(points, mirrored, reference.points))
    own, spread = near['own'], reference.spread
    if count > 1 and spread > 0:  # else there are no two to compare
      add('diversity', neighbors.mean_distance(own) / spread)
      distinct = neighbors.effective_number(own, spread)
      add('distinct', distinct / reference.distinct(count))
    if count > 1:
      add('kid', near['within'] + reference.within - 2 * near['between'])
      add('kid_of_grey', reference.within)
    if group.checkerboard > 0:  # else the pictures of the data are flat
      grid = float(made['checkerboard'].mean())
      row[f'probe/checkerboard{end}'] = grid / group.checkerboard
    if group.name:
      return row
    if count > 1:
      add('recall', neighbors.recall(own, near['across']))
    nearest = np.minimum(near['across'], near['mirrored'])
    add('memorised', neighbors.memorized(nearest, reference))
    chosen = nearest[:_SHOWN].argmin(axis=1)
    self._shown = made['pictures'][: len(chosen)], chosen
    for label, value in neighbors.class_diversity(own, group.labels, reference):
      add('diversity', value, f'/class{label}')
    return row

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
  rows = int(np.clip(plan.batch_size, *_CHUNK))
  reader = probe_inputs.ProbeReader(experiment, dataset, extractor, rows)
  groups, judged = [], {}
  if isinstance(algorithm, core.Generative):
    groups = reader.generative()
    if groups and isinstance(algorithm, core.Scorer):
      judged = reader.judged(groups[0])
  elif isinstance(algorithm, core.Translator):
    groups = reader.translations()
  return (
    Probe(algorithm, extractor, groups, judged, rows, plan.seed, devices)
    if groups
    else None
  )
