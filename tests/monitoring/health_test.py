"""The loop with alarms: they are written, they stop, the best is kept."""

import dataclasses
import json

import puppet
import pytest
from PIL import Image

import art_jax
from art_jax import core
from art_jax.config import experiments
from art_jax.core.alarm_limits import Alarms, LossAlarm, SampleAlarm
from art_jax.devices import mesh
from art_jax.monitoring import health
from art_jax.runs import alarm_event, metrics_log
from art_jax.runs.checkpoints import Checkpoints
from art_jax.training import loop

_EXTRA = {'Puppet': puppet.Puppet}
# A Puppet shows training pictures: these samples are copies.
_QUICK = Alarms(
  loss=LossAlarm(rows=4),
  sample=SampleAlarm(memorized=1.0),
  count=16,
  reference=40,
)


@pytest.mark.parametrize(
  'metric, larger',
  [
    *(('accuracy/real', True), ('verdict/fake', True), ('probe/l1/x', False)),
    *(('probe/recall/pixels32', True), ('probe/kid/pixels32', False)),
    *(('loss/generator', False), ('loss', False)),
  ],
)
def test_what_grows_as_pictures_get_better(metric, larger):
  assert health.larger_is_better(metric) == larger


def test_the_value_of_a_metric_is_its_own():
  # Of a conditional model: all samples, and those of each class.
  name = 'probe/diversity/pixels32@16'
  row = {name: 0.9, f'{name}/class0': 0.1, f'{name}/class1': 0.2}
  assert health.value_of(name, row) == 0.9
  directions = {'probe/kid/x@8/ab': 1.0, 'probe/kid/x@8/ba': 4.0}
  assert health.value_of('probe/kid/x@8', directions) == 2.5
  assert health.value_of('loss/total', row) is None


def _train(path, **fields):
  fields = {'alarms': _QUICK, **fields}
  loop.train(puppet.experiment(**fields), path, devices=mesh.make_devices(1))


def _events(path):
  lines = (path / metrics_log.ALARMS).read_text().splitlines()
  return [alarm_event.from_row(json.loads(line)) for line in lines]


def _steps(path):
  with Checkpoints(path / 'checkpoints', read_only=True) as checkpoints:
    return checkpoints.steps(), checkpoints.host()


@pytest.fixture(scope='module')
def straight(tmp_path_factory):
  path = tmp_path_factory.mktemp('straight')
  _train(path, keep_last=1)
  return path


@pytest.mark.slow
def test_the_best_moment_is_kept_and_loaded(straight):
  steps, host = _steps(straight)
  assert steps == [4, 8]
  assert host['best']['step'] == 4
  assert host['best']['metric'] == 'probe/kid/pixels32@16'
  assert art_jax.load(straight, 'best', _EXTRA).step == 4
  assert art_jax.load(straight, 'latest', _EXTRA).step == 8
  rows = metrics_log.read_metrics(straight / metrics_log.FILE)
  values = {row['step']: row[host['best']['metric']] for row in rows}
  assert min(values, key=values.get) == 4
  assert values[4] == host['best']['value']


@pytest.mark.slow
def test_a_continued_run_knows_the_best_moment_and_the_same_rows(
  straight, tmp_path
):
  for duration in (3, 8):
    _train(tmp_path, keep_last=1, duration=duration)
  assert _steps(tmp_path) == _steps(straight)
  assert metrics_log.read_metrics(
    tmp_path / metrics_log.FILE
  ) == metrics_log.read_metrics(straight / metrics_log.FILE)
  # Beyond it nothing is as good: it survives as many saves as there are.
  assert art_jax.load(tmp_path, 'best', _EXTRA).step == 4


def test_no_best_moment_where_none_is_looked_for(tmp_path):
  _train(tmp_path, best_metric='none', on_alarm='off', duration=2)
  with pytest.raises(core.UserError, match='no best checkpoint'):
    art_jax.load(tmp_path, 'best', _EXTRA)
  row = metrics_log.read_metrics(tmp_path / metrics_log.FILE)[-1]
  assert set(row) == {'step', 'loss/total'}


@pytest.mark.slow
def test_few_probed_samples_of_a_large_batch_are_shown(tmp_path):
  few = dataclasses.replace(_QUICK, count=8)
  experiment = experiments.override(
    puppet.experiment(duration=1, alarms=few),
    [
      'train.batch_size=64',
      'data.source=Builtin(layout="images",count=80)',
    ],
  )
  loop.train(experiment, tmp_path, devices=mesh.make_devices(1))
  sheet = tmp_path / 'images/interpolation/00000001.png'
  with Image.open(sheet) as picture:  # a row for each two of the eight
    assert picture.height // puppet.SIZE == 4


def test_an_unknown_metric_is_told_with_those_there_are(tmp_path):
  with pytest.raises(core.UserError, match='one of .*probe/kid/pixels32@16'):
    _train(tmp_path, best_metric='probe/fid')


@pytest.mark.slow
def test_an_alarm_is_written_once_and_the_same_after_going_on(tmp_path, capsys):
  whole, parts = tmp_path / 'whole', tmp_path / 'parts'
  # From step 10 on; six steps are more than half of the last rows.
  fields = {'loss': 'rising', 'render_every': 8, 'checkpoint_every': 8}
  _train(whole, **fields, duration=24)
  assert capsys.readouterr().err.count('ALARM diverging') == 1
  begun = [event for event in _events(whole) if event.alarm == 'diverging']
  assert [(event.begins, event.since) for event in begun] == [(True, 10)]
  for duration in (8, 16, 24):
    _train(parts, **fields, duration=duration)
  assert _events(parts) == _events(whole)
  assert capsys.readouterr().err.count('ALARM diverging') == 1


@pytest.mark.slow
def test_stop_saves_and_the_same_command_goes_on(tmp_path):
  fields = {'loss': 'rising', 'render_every': 4, 'checkpoint_every': 8}
  fields |= {'duration': 16, 'on_alarm': 'stop'}
  with pytest.raises(loop.AlarmStop, match='diverging: since step 10'):
    _train(tmp_path, **fields)
  steps, _ = _steps(tmp_path)
  assert 10 < steps[-1] < 16
  _train(tmp_path, **fields)
  assert _steps(tmp_path)[0][-1] == 16
