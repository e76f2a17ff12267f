"""Sweeps: what cells there are, cells together against single runs, tables."""

import csv
import dataclasses
import json

import jax
import numpy as np
import pytest
import toy
from command_line import run_main

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.gan import GAN
from art_jax.config import experiments as experiment_files
from art_jax.devices import mesh
from art_jax.inference import run
from art_jax.runs import metrics_log, restore
from art_jax.sweep import cells, groups, outcome, run_cells, together
from art_jax.training import loop


@pytest.mark.parametrize(
  'text, values',
  [
    ('1,2,3', ('1', '2', '3')),
    ('1e-3', ('1e-3',)),
    ('(1,2),(3,4)', ('(1,2)', '(3,4)')),
    ("('a','b')", ("('a','b')",)),
    ("'a,b', c", ("'a,b'", 'c')),
    ('Adam(b1=0.5, b2=0.9),SGD()', ('Adam(b1=0.5, b2=0.9)', 'SGD()')),
  ],
)
def test_commas_inside_brackets_and_quotes_stay(text, values):
  assert cells.split(text) == values


def test_the_product_has_every_combination():
  found = cells.product(cells.axes(['a.x=1,2', 'b.x=u,v', 'c=7']))
  assert [cell.name for cell in found] == [
    'a.x=1,b.x=u',
    'a.x=1,b.x=v',
    'a.x=2,b.x=u',
    'a.x=2,b.x=v',
  ]
  assert found[2].assignments == ['a.x=2', 'b.x=u', 'c=7']


def test_random_cells_stay_when_more_are_asked_for():
  axes = cells.axes(['rate=1e-5..1e-2', 'width=8..64', 'kind=a,b'])
  few, many = cells.random(axes, 5, 3), cells.random(axes, 300, 3)
  assert many[:5] == few
  assert len({cell.name for cell in many}) == 300
  values = [dict(cell.settings) for cell in many]
  rates = np.log10([float(one['rate']) for one in values])
  # Even in the logarithm: a third of the cells in each decade.
  assert np.histogram(rates, [-5, -4, -3, -2])[0] == pytest.approx(100, abs=30)
  widths = [int(one['width']) for one in values]
  assert min(widths) >= 8 and max(widths) <= 64
  assert {one['kind'] for one in values} == {'a', 'b'}
  # As many as there are, and no cell twice.
  assert len(cells.random(cells.axes(['a=1,2', 'b=1,2']), 10, 0)) == 4


@pytest.mark.parametrize(
  'low, high', [(0.999, 0.99999), (1e-5, 1e-2), (-1.0, 1.0), (0.12345, 0.9)]
)
def test_a_draw_lies_between_its_ends(low, high):
  drawn = [cells.Range(low, high, False).draw(u / 99.01) for u in range(100)]
  assert low <= min(map(float, drawn)) and max(map(float, drawn)) <= high
  assert len({*drawn}) == 100


@pytest.mark.parametrize(
  'arguments, message',
  [
    (['--set', 'train.sed=1,2'], "Train has no field 'sed'; it has: seed"),
    (['--set', 'train.seed=1,2', '--set', 'train.seed=3'], 'there twice'),
    (['--set', 'train.seed=1,,2'], 'write --set path.to.field=value'),
    (['--set', 'train.seed=1..9'], 'pass --random=N'),
    (['--set', 'train.seed=1,2', '--random=-1'], '--random=-1'),
    (['--set', 'train.seed=9..1'], 'from a smaller number to a larger'),
  ],
)
def test_refused_before_anything_runs(tmp_path, arguments, message):
  code, _, error = run_main(
    *('--mode=sweep', '--experiment=dcgan_paintings', '--tiny', *arguments),
    f'--workdir={tmp_path / "s"}',
  )
  assert (code, message in error) == (2, True), error
  assert not (tmp_path / 's').exists()


def _gan(*changes: str) -> core.Experiment:
  """Return a GAN of a few thousand parameters, under plain SGD."""
  sgd = optim.SGD(learning_rate=1e-3)
  experiment = experiment_files.load('dcgan_paintings', tiny=True)
  algorithm = dataclasses.replace(
    experiment.algorithm, generator_optimizer=sgd, discriminator_optimizer=sgd
  )
  return experiment_files.override(
    dataclasses.replace(experiment, algorithm=algorithm),
    [
      *('train.duration=3', 'train.batch_size=4', 'train.log_every=1'),
      'algorithm.stabilizers.augment=()',  # Quicker to compile.
      *('train.render_every=3', 'train.checkpoint_every=3'),
      *('train.on_alarm=off', 'train.best_metric=none', 'train.render_count=2'),
      *changes,
    ],
  )


def test_what_enters_a_step_as_data_is_found_by_trying():
  paths = ('generator_optimizer.learning_rate', 'stabilizers.ema_decay')
  enters = [groups.enters_as_data(_gan(), f'algorithm.{x}') for x in paths]
  # `if stabilizers.ema_decay:` is Python, not data.
  assert enters == [True, False]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Brightened(GAN):
  """A GAN whose pictures, not its step, know a number, as a guidance."""

  gain: float = 1.0

  def render(self, state, batch, key):
    return {'samples': self.gain * super().render(state, batch, key)['samples']}


def test_what_pictures_depend_on_divides_the_cells():
  gan = _gan().algorithm
  fields = {f.name: getattr(gan, f.name) for f in dataclasses.fields(gan)}
  experiments = [
    dataclasses.replace(_gan(), algorithm=_Brightened(**fields, gain=gain))
    for gain in (1.0, 2.0)
  ]
  found = groups.groups(experiments, ['algorithm.gain'])
  assert [group.indices for group in found] == [(0,), (1,)]
  assert found[0].apart == ('algorithm.gain',)


def test_cells_are_grouped_by_all_that_is_no_data():
  rates = 'algorithm.generator_optimizer.learning_rate'
  changes = [
    (f'{rates}=1e-3', 'train.seed=0'),
    (f'{rates}=2e-3', 'train.seed=1'),
    (f'{rates}=1e-3', 'train.batch_size=8'),
    (f'{rates}=3e-3', 'train.batch_size=8'),
    (f'{rates}=1e-3', 'algorithm.generator.width=8'),
  ]
  paths = [rates, 'train.seed', 'train.batch_size', 'algorithm.generator.width']
  found = groups.groups([_gan(*each) for each in changes], paths)
  assert [group.indices for group in found] == [(0, 1), (2, 3), (4,)]
  assert found[0].traced == (rates,)


@pytest.fixture(scope='module')
def single_runs(tmp_path_factory):
  """Two GANs, each trained by a run of its own."""
  rate = 'algorithm.generator_optimizer.learning_rate'
  folder = tmp_path_factory.mktemp('single')
  found = {}
  for value, seed in ((1e-3, 0), (4e-3, 1)):
    experiment = _gan(f'{rate}={value}', f'train.seed={seed}')
    name = f'{value}_{seed}'
    loop.train(experiment, folder / name, devices=mesh.make_devices(1))
    found[name] = experiment
  return rate, folder, found


@pytest.mark.slow
@pytest.mark.parametrize('way', ['vmap', 'turns'])
def test_gans_in_one_program_equal_runs_of_their_own(
  tmp_path, single_runs, way
):
  rate, single, experiments = single_runs
  names = list(experiments)
  ends = together.train(
    *(names, list(experiments.values()), [tmp_path / n for n in names], [rate]),
    devices=mesh.make_devices(1),
    way=way,
  )
  assert set(ends.values()) == {('finished', '')}
  for name in names:
    states = [restore.load_state(f / name) for f in (single, tmp_path)]
    a, b = (
      np.concatenate([np.ravel(x) for x in jax.tree.leaves(s)]) for s in states
    )
    np.testing.assert_allclose(a, b, atol=1e-5, rtol=1e-5, err_msg=name)
    # A run folder like any other.
    assert (tmp_path / name / 'config.txt').read_text() == (
      single / name / 'config.txt'
    ).read_text()
    rows = [
      [json.loads(line) for line in (f / name / 'metrics.jsonl').open()]
      for f in (single, tmp_path)
    ]
    assert len(rows[0]) == len(rows[1]) == 3
  # They did learn differently, each by its own numbers.
  first, other = (restore.load_state(tmp_path / n) for n in names[:2])
  assert not np.allclose(
    *(jax.tree.leaves(s.generator.params)[0] for s in (first, other)), atol=1e-5
  )


def _toys(folder, changes, cells_, way='auto', refused=()):
  experiments = {
    cell.name: toy.experiment(*change)
    for cell, change in zip(cells_, changes, strict=True)
    if cell.name not in refused
  }
  return run_cells.Sweep(
    cells_, experiments, dict(refused), folder, way, 'a command'
  )


@pytest.mark.slow
def test_a_sweep_goes_on_where_it_was_and_reports_what_failed(tmp_path):
  asked = cells.product(cells.axes(['seed=0,1,2,3']))
  # Seed 1 goes bad; seed 2 cannot run: its pictures are too few.
  changes = [
    (),
    ('train.seed=1', 'algorithm.bad_metric=3', 'algorithm.cursed=true'),
    ('train.seed=2', 'data.source=Folder("/nowhere")'),
    (),
  ]
  refused = {asked[3].name: 'it was refused'}
  sweep = _toys(tmp_path, changes, asked, refused=refused)
  devices = mesh.make_devices(1)
  found = run_cells.run(sweep, devices)
  assert [one.status for one in found] == [
    *('finished', 'diverged', 'failed', 'failed')
  ]
  assert '/nowhere' in found[2].reason
  assert found[1].step == 4 and 'loss/toy' in found[1].reason
  with open(tmp_path / outcome.TABLE) as file:
    rows = list(csv.DictReader(file))
  assert [row['status'] for row in rows] == [one.status for one in found]
  assert 'failed: it was refused' in (tmp_path / outcome.MARKDOWN).read_text()
  assert (tmp_path / outcome.SHEET).exists()
  before = (tmp_path / asked[0].name / 'run.json').read_text()
  run_cells.run(sweep, devices)
  # A finished cell, and one that diverged, were not started again.
  assert (tmp_path / asked[0].name / 'run.json').read_text() == before


@pytest.mark.slow
def test_a_sweep_with_other_settings_shows_no_old_results(
  tmp_path, monkeypatch
):
  asked = cells.product(cells.axes(['seed=0,1']))
  devices = mesh.make_devices(1)

  def sweep(*changes):
    each = [(*changes, f'train.seed={seed}') for seed in (0, 1)]
    return run_cells.run(_toys(tmp_path, each, asked, 'no'), devices)

  assert [one.step for one in sweep('train.duration=2')] == [2, 2]
  with pytest.raises(core.UserError, match='data.flip: True there, False now'):
    sweep('train.duration=2', 'data.flip=false')
  # A longer duration goes on, as in a run of its own.
  assert [one.step for one in sweep('train.duration=4')] == [4, 4]
  assert 'duration=4' in (tmp_path / asked[1].name / 'config.txt').read_text()

  def killed(self, step, values):
    raise KeyboardInterrupt

  # Killed on its way, it has not ended: its old end is that of 4 steps.
  with monkeypatch.context() as patch:
    patch.setattr(metrics_log.Writer, 'scalars', killed)
    with pytest.raises(KeyboardInterrupt):
      sweep('train.duration=6')
  assert [one.step for one in sweep('train.duration=6')] == [6, 6]


@pytest.mark.slow
def test_cells_that_were_stopped_together_go_on_together(tmp_path, monkeypatch):
  asked = cells.product(cells.axes(['seed=0,1']))
  changes = [(), ('train.seed=1',)]
  devices = mesh.make_devices(1)
  whole = _toys(tmp_path / 'whole', changes, asked, 'turns')
  run_cells.run(whole, devices)
  stops = iter([False, False, False, True])
  monkeypatch.setattr(
    together.preemption.StopRequest, 'requested', lambda *_: next(stops, False)
  )
  parts = _toys(tmp_path / 'parts', changes, asked, 'turns')
  with pytest.raises(loop.Preempted, match='step 4 of 8'):
    run_cells.run(parts, devices)
  waiting = [outcome.read(cell, parts.folder / cell.name) for cell in asked]
  assert [(one.status, one.step) for one in waiting] == [('waiting', 4)] * 2
  run_cells.run(parts, devices)
  for cell in asked:
    sums = [
      run.load(s.folder / cell.name, extra={'Toy': toy.Toy}).params
      for s in (whole, parts)
    ]
    np.testing.assert_array_equal(*sums)


@pytest.mark.slow
def test_a_cell_that_ended_before_its_group_failed_stays_ended(
  tmp_path, monkeypatch
):
  asked = cells.product(cells.axes(['seed=0,1']))
  # Of seed 0 the fourth step is bad, as its key says.
  changes = [('algorithm.bad_metric=3', f'train.seed={i}') for i in (0, 1)]
  after_step, failed = together.Hooks.after_step, []

  def fail_once(self, step, *args, **kwargs):
    if step == 6 and not failed:
      failed.append(step)
      raise RuntimeError('out of memory')
    return after_step(self, step, *args, **kwargs)

  monkeypatch.setattr(together.Hooks, 'after_step', fail_once)
  sweep = _toys(tmp_path, changes, asked, 'turns')
  found = run_cells.run(sweep, mesh.make_devices(1))
  assert [(one.status, one.step) for one in found] == [
    *(('diverged', 4), ('finished', 8))
  ]
  starts = [
    len(json.loads((tmp_path / cell.name / 'run.json').read_text()))
    for cell in asked
  ]
  assert starts == [1, 2]


def test_the_best_cell_comes_first():
  def one(name, **best):
    return outcome.Outcome(cells.Cell(name, ()), 'finished', best=best)

  kids = [
    one(n, metric='probe/kid/x', value=v) for n, v in (('a', 2), ('b', 1))
  ]
  assert [o.cell.name for o in outcome.ranked([*kids, one('c')])] == ['b', 'a']
  wide = [
    one(n, metric='probe/recall/x', value=v) for n, v in (('a', 2), ('b', 1))
  ]
  assert [o.cell.name for o in outcome.ranked(wide)] == ['a', 'b']
  assert outcome.ranked([kids[0], wide[0]]) == []  # Nothing to compare.


@pytest.mark.slow
def test_the_command_writes_a_table_and_a_sheet(tmp_path):
  code, out, error = run_main(
    *('--mode=sweep', f'--experiment={toy.__file__}', '--devices=1'),
    *('--set=train.seed=0,1', '--set=train.batch_size=8,0'),
    f'--workdir={tmp_path}',
  )
  assert code == 0, error
  assert out.count('finished') == 2
  assert out.count('failed: train.batch_size=0') == 2
  assert (tmp_path / outcome.SHEET).exists()
  names = [f'seed={i},batch_size=8' for i in (0, 1)]
  code, _, error = run_main(
    *('--mode=compare', *(str(tmp_path / name) for name in names)),
    f'--output={tmp_path}',
  )
  assert code == 0, error
