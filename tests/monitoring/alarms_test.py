"""Alarms fire when they should, name what they should, and else are silent."""

import dataclasses

import jax
import numpy as np
import puppet
import pytest

from art_jax import core
from art_jax.config import experiments, resumable
from art_jax.core.alarm_limits import Alarms
from art_jax.devices import mesh
from art_jax.metrics.precision_recall import precision_recall
from art_jax.monitoring import neighbors, probe
from art_jax.monitoring.alarms import duel, losses, remedies, samples, watch
from art_jax.runs import alarm_event

LIMITS = Alarms()


def _measured(shown: np.ndarray, *, classes: int = 0, probes: int = 8):
  """Return the rows of a run whose samples stay the same."""
  images, labels = puppet.pictures(400, max(classes, 1))
  alarms = dataclasses.replace(LIMITS, count=80)
  experiment = puppet.experiment(num_classes=classes, alarms=alarms)
  data = puppet.dataset(images, labels, heldout=100)
  measure = probe.open_probe(experiment, data, mesh.make_devices(1))
  row = measure.measure(puppet.state(shown))
  return [{'step': 100 * (i + 1), **row} for i in range(probes)]


def _shown(kind: str) -> np.ndarray:
  """Return 80 samples: `_measured` trains on pictures 0..299."""
  images = puppet.floats(puppet.pictures(400)[0])
  noise = np.random.default_rng(1).normal(0, 0.05, (80, 32, 32, 3))
  return {
    'held-out': images[300:380],
    'training': images[:80] + noise,
    'mirrored training': images[:80, :, ::-1] + noise,
    'one with noise': images[300:301] + noise,
    'nearly grey': 0.02 * images[300:380],
  }[kind].astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize(
  'kind, expected',
  [
    ('held-out', []),
    ('training', ['memorization']),
    ('mirrored training', ['memorization']),
    ('one with noise', ['collapse']),
    ('nearly grey', ['no_learning', 'collapse']),
  ],
)
def test_what_the_samples_are_is_told(kind, expected):
  rows = _measured(_shown(kind))
  assert [found.alarm for found in watch.find(rows, LIMITS)] == expected
  for found in watch.find(rows, LIMITS):
    assert found.since == 100
    assert 'pixels32@80' in found.seen


def test_exactly_the_frozen_classes_are_named():
  images, labels = puppet.pictures(400, 10)
  shown = puppet.floats(images[300:380])
  for frozen in (3, 7):
    rows = labels[300:380] == frozen
    shown[rows] = shown[rows][:1]
  found = samples.collapse(_measured(shown, classes=10), LIMITS.collapse)
  assert found.classes == (3, 7)
  healthy = puppet.floats(images[300:380])
  assert not samples.collapse(_measured(healthy, classes=10), LIMITS.collapse)


def _rows(**columns) -> list[dict]:
  """Return rows of every tenth step; '_' in a name is its '/'."""
  length = max(len(values) for values in columns.values())
  return [
    {
      'step': 10 * (i + 1),
      **{
        name.replace('__', '/'): float(values[i])
        for name, values in columns.items()
      },
    }
    for i in range(length)
  ]


_N = 120
_NOISE = np.random.default_rng(0).normal(0, 1, _N)
_RISING = np.where(np.arange(_N) < 60, 1.0, 40.0)
_FALLING = np.linspace(0.9, 0.5, _N)
_SPIKES = np.where(np.arange(_N) % 6 == 5, 30.0, 0.5) * (np.arange(_N) > 80)


@pytest.mark.parametrize(
  'columns, expected',
  [
    ({'loss__total': np.geomspace(5, 0.01, _N)}, []),
    ({'loss__generator': _RISING}, ['diverging']),
    # A Wasserstein critic: near zero, of both signs, or drifting.
    ({'loss__discriminator': 0.001 * _NOISE}, []),
    ({'loss__generator': np.linspace(-0.1, 90, _N)}, []),
    ({'loss__generator': -np.geomspace(0.1, 1e6, _N)}, ['diverging']),
    # A variational autoencoder: the KL grows while the whole falls.
    (
      {
        'loss__total': np.linspace(90, 50, _N),
        'loss__kl': np.geomspace(1e-3, 30, _N),
      },
      [],
    ),
    ({'loss__discriminator': _FALLING + _SPIKES}, ['spiking']),
    ({'loss__discriminator': _FALLING + np.eye(_N)[100] * 50}, []),
    ({'loss__total': 2 + 0.02 * _NOISE}, ['no_learning']),
    ({'loss__total': np.append(np.ones(_N), np.nan)}, ['nan', 'no_learning']),
  ],
)
def test_losses(columns, expected):
  rows = _rows(**columns)
  assert [found.alarm for found in watch.find(rows, LIMITS)] == expected


def test_a_loss_diverges_since_it_left():
  rows = _rows(loss__generator=_RISING)
  assert losses.diverging(rows, LIMITS.loss).since == 610


def _duel(real, fake, sure, **more):
  ones = np.ones(60)
  return _rows(
    verdict__real=real * ones,
    verdict__fake=fake * ones,
    probability__fake=sure * ones,
    **more,
  )


_NEARER = {'probe__kid__pixels32@128': np.geomspace(5, 0.1, 60)}
_STUCK = {'probe__kid__pixels32@128': np.full(60, 3.0)}


@pytest.mark.parametrize(
  'rows, expected',
  [
    (_duel(0.8, 0.8, 0.2), (False, False)),
    (_duel(1.0, 1.0, 0.001), (True, False)),
    (_duel(1.0, 1.0, 0.05), (False, False)),
    (_duel(1.0, 1.0, 0.001, **_STUCK), (True, False)),
    (_duel(1.0, 1.0, 0.001, **_NEARER), (False, False)),
    (_duel(0.6, 0.05, 0.9), (False, True)),
    # No probability, no verdict.
    (_rows(score__real=np.full(60, 9.0)), (False, False)),
  ],
)
def test_who_wins(rows, expected):
  wins = duel.discriminator_wins(rows, LIMITS.duel) is not None
  assert (wins, duel.generator_wins(rows, LIMITS.duel) is not None) == expected


def test_a_discriminator_that_knows_its_pictures_is_told():
  def rows(heldout):
    return _rows(
      probe__score__train=np.full(6, 2.0),
      probe__score__heldout=np.full(6, heldout),
      probe__score__fake=np.full(6, -2.0),
    )

  assert duel.overfitting(rows(-1.9), LIMITS.duel).alarm == 'overfitting'
  assert duel.overfitting(rows(1.5), LIMITS.duel) is None


@pytest.mark.parametrize(
  'kid, expected',
  [
    ([5, 2, 1, 0.8, 0.7, 0.6, 0.5, 0.5], None),
    ([5, 9.8, 1.5, 0.8, 1.3, 1.2, 1.0, 1.0], None),  # dcgan_paintings
    ([5, 2.5e4, 30, 41, 53, 11, 13, 11], 'diverging'),  # 20 times its rate
    ([4e4, 9e3, 700, 80, 20, 9, 6, 5], None),  # diffusion begins with noise
    ([5, 5, 5.1, 5, 5, 5.2, 5, 5], 'no_learning'),
  ],
)
def test_samples_that_move_away_or_stay(kid, expected):
  rows = [
    {
      'step': 200 * i + 1,
      'probe/kid/pixels32@128': value,
      'probe/kid_of_grey/pixels32@128': 5.2,
    }
    for i, value in enumerate(kid)
  ]
  found = [
    {finding.alarm for finding in watch.find(rows[: i + 1], LIMITS)}
    for i in range(len(rows))
  ]
  assert set().union(*found) == ({expected} if expected else set())


@pytest.mark.parametrize(
  'energy, fires',
  [
    (np.full(14, 20.0), True),
    (np.full(14, 2.0), False),
    (np.geomspace(60, 6, 14), False),  # of an untrained network, fading
    # dcgan_japanese_v1 at 32 px: visible to begin with, then weaker.
    ([18, 14, 25, 36, 15, 15, 9, 26, 18, 5.3, 4.5, 11, 4, 17, 3.5, 9], False),
  ],
)
def test_a_grid_that_stays_is_told(energy, fires):
  rows = [
    {'step': 100 * i + 1, 'probe/checkerboard': float(value)}
    for i, value in enumerate(energy)
  ]
  found = [
    samples.checkerboard(rows[: i + 1], LIMITS.sample) for i in range(len(rows))
  ]
  assert any(found) == fires


def test_alarms_begin_once_end_and_are_the_same_when_read_again():
  experiment = experiments.load('dcgan_japanese_v1')
  values = np.linspace(1, 0.5, 220)
  values[40:100] = 50
  rows = _rows(loss__generator=values)
  events = watch.Watch(experiment).replay(rows)
  assert [(event.alarm, event.begins) for event in events] == [
    ('diverging', True),
    ('diverging', False),
  ]
  begin = events[0]
  assert begin.since == 410 and 500 <= begin.step <= 600
  assert begin.fields == (
    'algorithm.generator_optimizer.learning_rate=0.000125',
    'algorithm.discriminator_optimizer.learning_rate=0.000125',
  )
  assert begin.text == (
    'diverging: since step 410 loss/generator has grown to 25.5 (it began at '
    '0.978); '
    'try --set algorithm.generator_optimizer.learning_rate=0.000125 or --set '
    'algorithm.discriminator_optimizer.learning_rate=0.000125'
  )
  # Stopped and continued in the middle of it: the same history.
  again = watch.Watch(experiment)
  parts = again.replay(rows[:73]) + again.replay(rows[73:])
  assert parts == events
  assert [alarm_event.from_row(event.as_row()) for event in events] == events


def test_many_rows_between_two_probes_hide_no_probe():
  # As `diffusion_cifar10` logs: a probe at step 1 and in every 100th row. A
  # grid fires after twice `patience`, 12 probes: the last is row 1,100.
  rows = _rows(loss__total=np.geomspace(5, 0.01, 2000))
  for row in (rows[0], *rows[99::100]):
    row['probe/checkerboard'] = 50.0
  events = watch.Watch(experiments.load('diffusion_cifar10')).replay(rows)
  assert [(e.alarm, e.step, e.since) for e in events] == [
    ('checkerboard', 11000, 10)
  ]


@pytest.mark.parametrize(
  'name', ['vae', 'cyclegan', 'cdcgan_mnist', 'wgan_art128']
)
def test_remedies_are_fields_that_the_experiment_takes(name):
  experiment = experiments.load(name)
  for alarm in ('collapse', 'diverging', 'spiking', 'nan', 'no_learning'):
    found = remedies.fields(alarm, experiment)
    assert 1 <= len(found) <= 2, alarm
    changed = experiments.override(experiment, found)
    paths = experiments.differences(experiment, changed)
    assert set(paths) == {text.partition('=')[0] for text in found}


@pytest.mark.parametrize(
  'name, changes, proposed',
  [
    (
      'dcgan_paintings',
      ['algorithm.generator.upsample=transpose'],
      'algorithm.generator.upsample=resize',
    ),
    ('cyclegan', [], 'algorithm.generator.upsample=resize'),
    ('cyclegan', ['algorithm.generator.upsample=resize'], None),
    (
      'fast_style_squeezenet',
      ['algorithm.transformer.upsample=transpose'],
      'algorithm.transformer.upsample=resize',
    ),
  ],
)
def test_checkerboards_are_answered_by_another_upsampling(
  name, changes, proposed
):
  experiment = experiments.override(experiments.load(name), changes)
  first, *_ = remedies.fields('checkerboard', experiment)
  assert first == proposed if proposed else 'learning_rate' in first


def test_figures_are_those_of_the_metrics():
  rng = np.random.default_rng(0)
  points = rng.normal(0, 1, (40, 24)).astype(np.float32)
  others = rng.normal(0.3, 1, (60, 24)).astype(np.float32)
  reference = neighbors.Reference(others)
  compared = jax.device_get(jax.jit(neighbors.compare)(points, points, others))
  mmd = compared['within'] + reference.within - 2 * compared['between']

  def kernel(x, y):
    return (x.astype(np.float64) @ y.T / 24 + 1) ** 3

  within = [
    (k.sum() - np.trace(k)) / (len(k) * (len(k) - 1))
    for k in (kernel(points, points), kernel(others, others))
  ]
  expected = sum(within) - 2 * kernel(points, others).mean()
  np.testing.assert_allclose(mmd, expected, rtol=1e-4)
  apart = np.linalg.norm(points[:, None] - others, axis=2)
  np.testing.assert_allclose(compared['across'], apart, rtol=1e-5)
  _, expected = precision_recall(others, points)
  found = neighbors.recall(compared['own'], compared['across'])
  assert found == pytest.approx(expected)


def test_every_class_of_the_data_counts():
  # Four classes of ten equal pictures, class by class, as folders are read.
  corners = 100 * np.eye(4, dtype=np.float32)
  reference = neighbors.Reference(corners.repeat(10, axis=0))
  assert reference.distinct(8) == pytest.approx(4, abs=0.02)
  assert reference.distinct(80) == pytest.approx(4, abs=0.02)
  # All samples lie around the last class: a quarter of the data.
  around = corners[3] + np.concatenate([np.eye(4), -np.eye(4)])
  found = neighbors.compare(around, around, reference.points)
  recall = neighbors.recall(*map(np.asarray, (found['own'], found['across'])))
  assert recall == 0.25


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Flow(puppet.Puppet):
  """Has latents of four axes, as pictures have, and encodes."""

  def latents(self, key, count):
    return super().latents(key, count)[:, None, None]

  def generate(self, params, latents, labels=None, *, key=None):
    return super().generate(params, latents[:, 0, 0], labels, key=key)

  def encode(self, params, images):
    return 0 * images[:, :1, :1, :1]


@pytest.mark.slow
def test_latents_of_four_axes_are_no_pictures_to_encode():
  images, labels = puppet.pictures(120)
  experiment = puppet.experiment()
  experiment = dataclasses.replace(experiment, algorithm=_Flow())
  data = puppet.dataset(images, labels, heldout=40)
  opened = probe.open_probe(experiment, data, mesh.make_devices(1))
  row = opened.measure(puppet.state(puppet.floats(images)))
  # Were they encoded, every sample would be the first picture.
  assert row['probe/diversity/pixels32@128'] > 0.5
  assert row['probe/l1/pixels@32'] > 0.1


def test_thresholds_are_config():
  experiment = experiments.override(
    experiments.load('vae', tiny=True), ['train.alarms.collapse.diversity=0.2']
  )
  assert experiment.train.alarms.collapse.diversity == 0.2
  assert resumable.resumable('train.alarms.collapse.diversity')


@pytest.mark.parametrize(
  'name',
  [
    *('loss.rows', 'loss.spikes', 'duel.rows', 'duel.probes'),
    *('collapse.probes', 'collapse.patience'),
    *('sample.probes', 'sample.patience'),
  ],
)
def test_numbers_of_rows_and_probes_are_at_least_one(name):
  experiment = experiments.load('vae', tiny=True)
  field = f'train.alarms.{name}'
  with pytest.raises(core.UserError, match=f'{field}=0.*is at least 1'):
    experiments.override(experiment, [f'{field}=0'])
  least = experiments.override(experiment, [f'{field}=1'])
  rows = [
    {
      'step': step,
      'loss/total': 1.0 + step % 7,
      'verdict/real': 1.0,
      'verdict/fake': 1.0,
      'probability/fake': 0.0,
      'probe/distinct/pixels32@128': 0.01,
      'probe/checkerboard': 9.0,
    }
    for step in range(1, 5)
  ]
  told = {find.alarm for find in watch.find(rows, least.train.alarms)}
  assert told <= {'collapse', 'checkerboard', 'discriminator_wins', 'spiking'}
