"""Probes of hardly any pictures: fewer rows, and never a NaN or a warning."""

import dataclasses
import warnings

import numpy as np
import puppet
import pytest

from art_jax import core
from art_jax.core.alarm_limits import Alarms
from art_jax.data.dataset import Dataset, Examples
from art_jax.devices import mesh
from art_jax.metrics import distances
from art_jax.monitoring import probe

_PAIRS = ('diversity', 'distinct', 'kid', 'kid_of_grey', 'recall')


def _pictures(kind: str, count: int):
  images, labels = puppet.pictures(count, 2)
  if kind == 'equal':
    images = images[:1].repeat(count, 0)
  elif kind == 'equal in a class':
    images[labels == 1] = images[1]
  elif kind == 'flat':
    images = np.full_like(images, 90)
  elif kind == 'of one class':
    labels = np.zeros_like(labels)
  elif kind == 'one of a class':
    labels = (np.arange(count) == 0).astype(int)
  return images, labels


def _measure(experiment, data, shown):
  """Return the row of samples of noise, or all equal; {} without a probe."""
  measure = probe.open_probe(experiment, data, mesh.make_devices(1))
  if measure is None:
    return {}
  made = np.random.default_rng(0).normal(0, 0.5, (16, 32, 32, 3))
  made = made if shown == 'noise' else np.zeros_like(made)
  with warnings.catch_warnings():
    warnings.simplefilter('error', RuntimeWarning)
    row = measure.measure(puppet.state(made.astype(np.float32)))
  assert row and all(np.isfinite(value) for value in row.values()), row
  return row


def _kinds(row):
  return {name.split('/')[1] for name in row} & set(_PAIRS)


@pytest.mark.parametrize('shown', ['noise', 'equal'])
@pytest.mark.parametrize(
  'kind, count',
  [
    ('plain', 2),  # too few to compare with: no probe
    ('plain', 5),
    ('equal', 12),
    ('equal in a class', 12),
    ('flat', 12),
    ('of one class', 12),
    ('one of a class', 12),
  ],
)
def test_rows_of_samples(kind, count, shown):
  alarms = dataclasses.replace(Alarms(), count=8)
  experiment = puppet.experiment(num_classes=2, alarms=alarms)
  data = puppet.dataset(*_pictures(kind, count), heldout=1)
  row = _measure(experiment, data, shown)
  expected = set(_PAIRS) if count > 4 else set()
  if kind in ('equal', 'flat'):  # no two pictures lie apart
    expected -= {'diversity', 'distinct'}
  assert _kinds(row) == expected


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Translator(puppet.Puppet):
  """Translates into the pictures of its state."""

  directions = ('ab', 'ba')
  multiple = 1

  @property
  def inputs(self):
    return ('a', 'b')

  def translate(self, params, images, direction=None, *, key=None):
    del direction, key
    return images + params[: len(images)]

  latents = generate = None


@pytest.mark.parametrize('shown', ['noise', 'equal'])
@pytest.mark.parametrize('counts', [(1, 12), (2, 12), (12, 1), (1, 1), (4, 4)])
@pytest.mark.parametrize('heldout', [0, 1])
def test_rows_of_domains_with_few_pictures(counts, heldout, shown):
  images, _ = puppet.pictures(20)

  def domain(key, count):
    names = [str(i) for i in range(count)]
    return Examples((key,), names, lambda i: {key: images[i]})

  train = domain('a', counts[0]), domain('b', counts[1])
  held = domain('a', 1), domain('b', 1)
  data = Dataset(train, held if heldout else train)
  experiment = puppet.experiment(alarms=dataclasses.replace(Alarms(), count=8))
  experiment = dataclasses.replace(experiment, algorithm=_Translator())
  row = _measure(experiment, data, shown)
  for source, target in ('ab', 'ba'):
    own, others = (counts['ab'.index(key)] for key in (source, target))
    compared = {n for n in row if n.endswith(f'/{source}{target}')}
    assert bool(compared) == (others >= 4)
    kids = [n for n in compared if n.startswith('probe/kid/')]
    assert bool(kids) == (others >= 4 and min(own, 2) > 1)


@pytest.mark.parametrize('count', [0, 1])
def test_the_distance_of_one_picture_to_itself_is_no_score(count):
  with pytest.raises(core.UserError, match='at least 2'):
    distances.mean_pairwise(np.zeros((count, 3), np.float32))
