"""Trackers are told of a run, and nothing that they do touches it."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import fake_trackers
import numpy as np
import pytest
import toy
from command_line import run_main
from PIL import Image

from art_jax import core
from art_jax.runs import metrics_log, metrics_rows
from art_jax.runs.alarm_event import Event
from art_jax.runs.trackers import feed, protocol
from art_jax.training import loop

_ROOTS = pathlib.Path(__file__).parents[2], pathlib.Path(__file__).parents[1]
_RECORDER = 'fake_trackers:Recorder'


def _files(folder) -> dict[str, bytes]:
  names = ('metrics.jsonl', 'config.txt', 'checkpoints/*/*/params*')
  files = {
    str(path.relative_to(folder)): path.read_bytes()
    for name in names
    for path in folder.glob(name)
  }
  return files


def _curve(folder) -> dict[int, float]:
  rows = metrics_rows.read_metrics(folder / 'metrics.jsonl')
  return {row['step']: row['loss/toy'] for row in rows}


def _record(folder, name=_RECORDER):
  notes = json.loads((folder / feed.FILE).read_text())
  return fake_trackers.Recorder.runs[notes[name]['id']]


def _interrupted(experiment, folder, log, monkeypatch, at=6):
  """Train, and be killed when the row of a step is written."""
  scalars = metrics_log.Writer.scalars

  def killed(self, step, values):
    scalars(self, step, values)
    if step == at:
      raise KeyboardInterrupt

  with monkeypatch.context() as patch:
    patch.setattr(metrics_log.Writer, 'scalars', killed)
    with pytest.raises(KeyboardInterrupt):
      loop.train(experiment, folder, log=log)


def test_a_tracker_holds_the_run_also_after_a_kill(tmp_path, monkeypatch):
  folder, experiment = tmp_path / 'run', toy.experiment()
  _interrupted(experiment, folder, [_RECORDER], monkeypatch)
  loop.train(experiment, folder, log=[_RECORDER])
  record = _record(folder)
  steps = [step for step, _ in record['rows']]
  assert steps == sorted(set(steps)) == list(range(1, 9))  # none twice
  values = {step: row['loss/toy'] for step, row in record['rows']}
  assert values == _curve(folder)
  assert record['starts'] == [False, True] and record['closed']
  assert ('Toy(' in record['config']) and record['fields']['data.size'] == 16
  assert {(s, n) for s, n, _ in record['images']} == {(1, 'a'), (8, 'a')}


def test_rows_that_a_tracker_missed_come_at_the_next_start(
  tmp_path, monkeypatch
):
  folder, experiment = tmp_path / 'run', toy.experiment()
  _interrupted(experiment, folder, [], monkeypatch)
  loop.train(experiment, folder, log=[_RECORDER])
  assert [step for step, _ in _record(folder)['rows']] == list(range(1, 9))


def test_rows_that_a_tracker_has_are_not_sent_twice(tmp_path):
  loop.train(toy.experiment(), tmp_path / 'run', log=['fake_trackers:Stores'])
  rows = _record(tmp_path / 'run', 'fake_trackers:Stores')['rows']
  assert [step for step, _ in rows] == list(range(4, 9))


@pytest.mark.parametrize('name', ['Refuses', 'Exits', 'Full', 'Hangs'])
def test_a_tracker_that_fails_is_one_warning(
  name, tmp_path, monkeypatch, caplog
):
  experiment = toy.experiment()
  monkeypatch.setattr(feed, '_CLOSE_SECONDS', 0.2)
  fake_trackers.Hangs.release.clear()
  loop.train(experiment, tmp_path / 'plain')
  caplog.clear()
  log = [f'fake_trackers:{name}', _RECORDER]
  loop.train(experiment, tmp_path / 'told', log=log)
  fake_trackers.Hangs.release.set()
  assert _files(tmp_path / 'told') == _files(tmp_path / 'plain')
  said = [r for r in caplog.records if '--log=' in r.getMessage()]
  assert len(said) == 1 and name in said[0].getMessage()
  assert len(_record(tmp_path / 'told')['rows']) == 8  # the other one goes on


def test_a_run_that_goes_back_is_told_again(tmp_path):
  experiment = toy.experiment('train.on_nan=rollback', bad_metric=5)
  loop.train(experiment, tmp_path / 'run', log=[_RECORDER])
  rows = dict(_record(tmp_path / 'run')['rows'])
  curve = _curve(tmp_path / 'run')
  assert {step: row['loss/toy'] for step, row in rows.items()} == curve


@pytest.mark.parametrize(
  'name, words',
  [
    ('tensorboard', 'it is one of wandb, mlflow, trackio'),
    ('no_module:Class', 'cannot be imported'),
    ('fake_trackers:Nobody', 'cannot be imported'),
    (':x', 'it is one of'),
  ],
)
def test_unknown_trackers_are_refused(name, words, tmp_path):
  with pytest.raises(core.UserError, match=words):
    loop.train(toy.experiment(), tmp_path / 'run', log=[name])
  assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize('name', feed.KNOWN)
def test_a_missing_package_is_one_line(name, monkeypatch):
  monkeypatch.setitem(__import__('sys').modules, name, None)
  with pytest.raises(core.UserError, match=rf'art-jax\[{name}\]'):
    feed.resolve([name])


def test_fields_are_plain(tmp_path):
  fields = protocol.fields_of(toy.experiment())
  assert fields['algorithm'] == 'Toy' and fields['train.seed'] == 0
  kinds = (bool, int, float, str, type(None))
  assert all(isinstance(value, kinds) for value in fields.values())


_ALARM = Event(5, 'dead', True, 3, 'the loss is dead; try --set x=1')


def _tell(name, folder) -> None:
  """Tell a real tracker of two starts of one run."""
  sheets = {'samples': np.full((8, 9, 3), 77, np.uint8)}
  folder.mkdir(exist_ok=True)
  for start in range(2):
    told = feed.Feed(feed.resolve([name]), folder, toy.experiment())
    told.cut(4 * start, [])
    for step in range(1 + 4 * start, 5 + 4 * start):
      told.scalars(step, {'loss/toy': step / 2, 'kid/pixels32@9': 1.0})
    told.images(4 + 4 * start, sheets)
    told.alarms([_ALARM] if start else [])
    told.close()


_EXPECTED = {step: step / 2 for step in range(1, 9)}


@pytest.mark.extra
def test_mlflow(tmp_path, monkeypatch, caplog):
  mlflow = pytest.importorskip('mlflow')
  uri = (tmp_path / 'store').as_uri()
  monkeypatch.setenv('MLFLOW_ALLOW_FILE_STORE', 'true')
  monkeypatch.setenv('MLFLOW_TRACKING_URI', uri)
  mlflow.set_tracking_uri(uri)
  _tell('mlflow', tmp_path / 'run')
  assert not caplog.records
  client = mlflow.MlflowClient(uri)
  experiment = client.get_experiment_by_name('art_jax')
  (run,) = client.search_runs([experiment.experiment_id])
  history = client.get_metric_history(run.info.run_id, 'loss/toy')
  assert {metric.step: metric.value for metric in history} == _EXPECTED
  assert run.info.status == 'FINISHED'
  assert run.data.params['data.size'] == '16'
  assert run.data.tags['alarm.dead'] == _ALARM.text
  images = client.list_artifacts(run.info.run_id, 'images/samples')
  assert [i.path[-12:] for i in images] == ['00000004.png', '00000008.png']


@pytest.mark.extra
def test_trackio(tmp_path, monkeypatch, caplog):
  trackio = pytest.importorskip('trackio')
  from trackio import utils

  monkeypatch.setenv('TRACKIO_DIR', str(tmp_path / 'store'))
  for module in (utils, __import__('trackio.sqlite_storage', fromlist=['x'])):
    if 'TRACKIO_DIR' in vars(module):
      monkeypatch.setattr(module, 'TRACKIO_DIR', tmp_path / 'store')
    if 'MEDIA_DIR' in vars(module):
      monkeypatch.setattr(module, 'MEDIA_DIR', tmp_path / 'store' / 'media')
  _tell('trackio', tmp_path / 'run')
  assert not [r for r in caplog.records if '--log' in r.getMessage()]
  (run,) = trackio.Api().runs('art_jax')
  from trackio.sqlite_storage import SQLiteStorage

  rows = SQLiteStorage.get_logs('art_jax', run.name)
  curve = {r['step']: r['loss/toy'] for r in rows if 'loss/toy' in r}
  assert curve == _EXPECTED
  assert [a['text'] for a in run.alerts()] == [_ALARM.text]


def _leveldb_records(data: bytes):
  """Yield the records of a .wandb file: a log of LevelDB behind 7 bytes."""
  at, whole = 7, b''
  while at + 7 <= len(data):
    if 2**15 - at % 2**15 < 7:  # the rest of a block is padding
      at += 2**15 - at % 2**15
      continue
    length, kind = int.from_bytes(data[at + 4 : at + 6], 'little'), data[at + 6]
    whole += data[at + 7 : at + 7 + length]
    at += 7 + length
    if kind in (1, 4):  # the whole, or the last part
      yield whole
      whole = b''


def _wandb_rows(folder):
  """Return the curve, and the ids of the runs, of an offline folder."""
  from wandb.proto import wandb_internal_pb2 as pb

  curve, ids = {}, set()
  for path in folder.glob('wandb/*/run-*.wandb'):
    for data in _leveldb_records(path.read_bytes()):
      record = pb.Record()
      record.ParseFromString(data)
      if record.run.run_id:
        ids.add(record.run.run_id)
      row = {
        (i.key or '/'.join(i.nested_key)): json.loads(i.value_json)
        for i in record.history.item
      }
      if 'loss/toy' in row:
        curve[row['step']] = row['loss/toy']
  return curve, ids


@pytest.mark.extra
def test_wandb(tmp_path, monkeypatch, caplog):
  pytest.importorskip('wandb')
  monkeypatch.setenv('WANDB_MODE', 'offline')
  _tell('wandb', tmp_path / 'run')
  assert not [r for r in caplog.records if '--log' in r.getMessage()]
  curve, ids = _wandb_rows(tmp_path / 'run')
  assert curve == _EXPECTED
  assert ids == {
    json.loads((tmp_path / 'run/trackers.json').read_text())['wandb']['id']
  }
  media = list((tmp_path / 'run').rglob('media/images/images/*.png'))
  assert len(media) == 2 and np.asarray(Image.open(media[0])).max() == 77


# Trains, and is killed when the row of a step is written.
_TRAIN = """
import os, signal, sys
import toy
from art_jax.runs import metrics_log
from art_jax.training import loop
folder, name, at = sys.argv[1:]
scalars = metrics_log.Writer.scalars
def killed(self, step, values):
  scalars(self, step, values)
  if step == int(at):
    os.kill(os.getpid(), signal.SIGKILL)
metrics_log.Writer.scalars = killed
loop.train(toy.experiment(), folder, log=[name])
"""
_TRACKIO_ROWS = """
import json, sys
from trackio.sqlite_storage import SQLiteStorage
rows = SQLiteStorage.get_logs('art_jax', sys.argv[1])
print(json.dumps([[r['step'], r['loss/toy']] for r in rows if 'loss/toy' in r]))
"""


def _python(*words: str) -> 'subprocess.CompletedProcess[str]':
  path = os.pathsep.join(map(str, _ROOTS))
  # The service of wandb that another test began here is not shared: there, a
  # killed run stays in use.
  inherited = {k: v for k, v in os.environ.items() if k != 'WANDB_SERVICE'}
  return subprocess.run(
    [sys.executable, '-c', *words],
    capture_output=True,
    text=True,
    env={**inherited, 'PYTHONPATH': path, 'XLA_FLAGS': ''},
  )


def _mlflow_rows(folder):
  from mlflow import MlflowClient

  client = MlflowClient((folder.parent / 'mlflow').as_uri())
  experiment = client.get_experiment_by_name('art_jax')
  assert experiment is not None
  (run,) = client.search_runs([experiment.experiment_id])
  history = client.get_metric_history(run.info.run_id, 'loss/toy')
  return [(metric.step, metric.value) for metric in history]


@pytest.mark.extra
@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize('name', feed.KNOWN)
def test_a_real_tracker_holds_the_run_also_after_a_kill(
  name, tmp_path, monkeypatch
):
  pytest.importorskip(name)
  folder = tmp_path / 'run'
  monkeypatch.setenv('WANDB_MODE', 'offline')
  monkeypatch.setenv('MLFLOW_ALLOW_FILE_STORE', 'true')
  monkeypatch.setenv('MLFLOW_TRACKING_URI', (tmp_path / 'mlflow').as_uri())
  monkeypatch.setenv('TRACKIO_DIR', str(tmp_path / 'trackio'))
  killed = _python(_TRAIN, str(folder), name, '6')
  assert killed.returncode == -signal.SIGKILL, killed.stderr
  done = _python(_TRAIN, str(folder), name, '0')
  assert done.returncode == 0, done.stderr
  assert '--log=' not in done.stderr
  if name == 'wandb':
    rows, pictures = list(_wandb_rows(folder)[0].items()), folder
  elif name == 'mlflow':
    rows, pictures = _mlflow_rows(folder), tmp_path / 'mlflow'
  else:
    pictures = tmp_path / 'trackio'
    (place,) = (pictures / 'media' / 'art_jax').iterdir()
    rows = json.loads(_python(_TRACKIO_ROWS, place.name).stdout)
  assert len(rows) == 8
  for step, value in rows:
    assert value == pytest.approx(_curve(folder)[step])
  found = [
    p for p in pictures.rglob('*.png') if folder / 'images' not in p.parents
  ]
  assert len(found) >= 2


@pytest.mark.extra
def test_wandb_without_login(tmp_path, monkeypatch):
  pytest.importorskip('wandb')
  monkeypatch.delenv('WANDB_API_KEY', raising=False)
  monkeypatch.delenv('WANDB_MODE', raising=False)
  monkeypatch.setenv('HOME', str(tmp_path))
  monkeypatch.setenv('NETRC', str(tmp_path / 'none'))
  with pytest.raises(core.UserError, match='nobody is logged in; run'):
    feed.resolve(['wandb'])


def test_from_the_command_line(tmp_path):
  code, _, err = run_main(
    *('train', str(pathlib.Path(toy.__file__)), '--log=wandbx'),
    f'--workdir={tmp_path / "run"}',
  )
  assert code == 2 and '--log=wandbx: it is one of' in err
