"""What goes wrong around a training, and what is left of it."""

import contextlib
import errno
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import types

import jax
import numpy as np
import pytest
import toy

from art_jax import core
from art_jax.cli import entry
from art_jax.cli.modes import train as train_mode
from art_jax.core import paths
from art_jax.devices import mesh
from art_jax.runs import checkpoints, lock, metrics_log
from art_jax.training import loop, nan_guard


def _train(path, *assignments, **fields):
  devices = mesh.make_devices(1)
  return loop.train(
    toy.experiment(*assignments, **fields), path, devices=devices
  )


def _state(path):
  like = jax.eval_shape(
    lambda: toy.Toy().init(
      jax.random.key(0), {'a': np.zeros((8, 16, 16, 3), np.float32)}
    )
  )
  with checkpoints.Checkpoints(path / 'checkpoints', read_only=True) as c:
    return c.restore(like)


def _assert_same(path, other):
  one, two = _state(path), _state(other)
  assert one.step == two.step and one.host == two.host
  jax.tree.map(np.testing.assert_array_equal, one.state, two.state)


# Two trainers.


@pytest.mark.slow
@pytest.mark.process
def test_second_trainer_is_told_of_the_first(tmp_path):
  code = (
    'import sys; from art_jax.runs.lock import RunLock\n'
    'with RunLock(sys.argv[1], enabled=True):\n'
    '  print("held", flush=True); sys.stdin.read()'
  )
  holder = subprocess.Popen(
    [sys.executable, '-c', code, tmp_path],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
  )
  assert holder.stdout.readline() == 'held\n'
  try:
    told = rf'--workdir.*process {holder.pid} on .*pass another --workdir'
    with pytest.raises(core.UserError, match=told):
      _train(tmp_path)
    assert os.listdir(tmp_path) == ['.lock']  # nothing was touched
    with lock.RunLock(tmp_path, enabled=False):
      pass  # not the process that writes
  finally:
    holder.kill()  # kill -9: the kernel lets go
    holder.communicate()
  _train(tmp_path)
  assert json.loads((tmp_path / '.lock').read_text())['pid'] == os.getpid()


@pytest.mark.parametrize('text', ['', '{', '[]', '{"pid": 1}'])
def test_holder_of_an_unreadable_lock(tmp_path, text):
  with lock.RunLock(tmp_path, enabled=True):
    (tmp_path / '.lock').write_text(text)
    with pytest.raises(core.UserError, match='another process is training'):
      with lock.RunLock(tmp_path, enabled=True):
        pass


def test_file_system_without_locks_is_a_warning(tmp_path, monkeypatch, caplog):
  def no_locks(*unused):
    raise OSError(95, 'Operation not supported')

  monkeypatch.setattr(lock.fcntl, 'flock', no_locks)
  with lock.RunLock(tmp_path, enabled=True):
    assert 'start no second trainer' in caplog.text
  with lock.RunLock('gs://bucket/run', enabled=True):
    pass


# Numbers gone bad.


def test_bad_metric_stops(tmp_path):
  told = (
    r'step 6: loss/toy is nan; the state is good; with the pictures .*'
    r'and 12 more; the checkpoints before it are intact'
  )
  with pytest.raises(core.Diverged, match=told):
    _train(tmp_path, bad_metric=5)
  assert _state(tmp_path).step == 4


def test_bad_metric_between_looks_says_since_when(tmp_path):
  with pytest.raises(core.Diverged, match=r'noise.*is not finite|noise.*bad'):
    _train(tmp_path, 'train.log_every=8', bad_state=4)
  assert _state(tmp_path).step == 4


def test_bad_state_is_never_saved(tmp_path):
  told = r"step 6: \['noise'\] of the state is not finite"
  with pytest.raises(core.Diverged, match=told):
    _train(tmp_path, bad_state=4)
  assert _state(tmp_path).step == 4


def test_first_bad_leaf():
  state = {'a': np.arange(3), 'b': [np.float32(1), np.float32([1, np.inf])]}
  state['key'] = jax.random.key(0)
  assert nan_guard.first_bad_leaf(state) == "['b'][1]"
  assert nan_guard.first_bad_leaf({'a': np.arange(3)}) is None


@pytest.mark.slow
def test_rollback_goes_on_with_other_data(tmp_path, caplog):
  plain, back = tmp_path / 'plain', tmp_path / 'back'
  _train(plain)
  _train(back, 'train.on_nan=rollback', bad_state=4)
  assert 'Going back, 1 of 3: step 6' in caplog.text
  found = _state(back)
  assert found.step == 8 and found.host['rollbacks'] == 1
  assert (found.state['sum'] != _state(plain).state['sum']).any()
  rows = metrics_log.read_metrics(back / 'metrics.jsonl')
  assert [row['step'] for row in rows] == list(range(1, 9))
  assert json.loads((back / 'summary.json').read_text())['rollbacks'] == 1
  # Stopped after the rollback and continued: the same in every bit.
  parts = tmp_path / 'parts'
  for duration in (6, 8):
    _train(
      parts, 'train.on_nan=rollback', f'train.duration={duration}', bad_state=4
    )
  _assert_same(back, parts)


@pytest.mark.slow
def test_rollback_before_the_first_checkpoint(tmp_path):
  _train(tmp_path, 'train.on_nan=rollback', bad_metric=0)
  assert _state(tmp_path).host['rollbacks'] == 1


@pytest.mark.slow
def test_rollbacks_are_bounded(tmp_path, caplog):
  settings = ('train.on_nan=rollback', 'train.max_rollbacks=2')
  with pytest.raises(core.Diverged, match='step 6'):
    _train(tmp_path, *settings, bad_metric=5, cursed=True)
  assert 'Going back, 2 of 2' in caplog.text
  assert _state(tmp_path).step == 4


@pytest.mark.parametrize(
  'setting', ['train.on_nan=ignore', 'train.max_rollbacks=-1']
)
def test_settings_are_checked(setting):
  with pytest.raises(core.UserError, match=setting.split('=')[0]):
    toy.experiment(setting)


# The disk.


def _at_step(monkeypatch, path, step, action):
  """Do something to the folder, when the last checkpoint is on the disk."""
  real = loop.Progress.show

  def show(self, now, values):
    real(self, now, values)
    if now == step:
      while not (path / 'checkpoints' / str(step - 1)).exists():
        time.sleep(0.01)
      action()

  monkeypatch.setattr(loop.Progress, 'show', show)


def test_vanished_folder_is_not_made_anew(tmp_path, monkeypatch):
  path = tmp_path / 'run'
  with monkeypatch.context() as patch:
    _at_step(patch, path, 5, lambda: shutil.rmtree(path))
    with pytest.raises(core.StorageError, match='step 5: .*No such file'):
      _train(path)
  assert not path.exists()


def test_replaced_folder_is_left_alone(tmp_path, monkeypatch):
  path = tmp_path / 'run'

  def replace():
    path.rename(tmp_path / 'old')
    path.mkdir()
    (path / '.lock').touch()

  _at_step(monkeypatch, path, 5, replace)
  with pytest.raises(core.StorageError, match='step 5: .*made anew'):
    _train(path)
  assert os.listdir(path) == ['.lock']


@pytest.mark.parametrize('number', [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
@pytest.mark.parametrize('call', ['mkdir', 'write_text'])
def test_a_full_disk_is_no_bad_path(tmp_path, monkeypatch, number, call):
  def fail(*unused, **fields):
    raise OSError(number, os.strerror(number))

  full = number != errno.EROFS
  monkeypatch.setattr(pathlib.Path, call, fail)
  with pytest.raises(core.UserError, match=os.strerror(number)) as error:
    paths.make_folder(tmp_path / 'run')
  assert isinstance(error.value, core.StorageError) == full
  assert ('free space' in str(error.value)) == full


@pytest.fixture
def small_disk(tmp_path):
  disk = tmp_path / 'disk'
  disk.mkdir()
  mount = ['mount', '-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', str(disk)]
  try:
    subprocess.run(mount, check=True, capture_output=True)
  except (OSError, subprocess.CalledProcessError) as error:
    pytest.skip(f'a small tmpfs cannot be mounted: {error}')
  yield disk
  subprocess.run(['umount', '-l', str(disk)], check=True)


@pytest.mark.slow
@pytest.mark.process
def test_disk_full_then_freed(small_disk, tmp_path, monkeypatch):
  """Named at its step, no half row, and nothing of the past is lost."""
  path, ballast = small_disk / 'run', small_disk / 'ballast'

  def fill():
    with open(ballast, 'wb', buffering=0) as file, pytest.raises(OSError):
      while True:
        file.write(bytes(4096))

  with monkeypatch.context() as patch:
    _at_step(patch, path, 5, fill)
    with pytest.raises(core.StorageError, match='step 6|checkpoint 6') as e:
      _train(path)
  assert 'No space left' in str(e.value)
  assert _state(path).step == 4
  rows = metrics_log.read_metrics(path / 'metrics.jsonl')
  # A few more rows fit into the last block: all of them are whole.
  assert [row['step'] for row in rows] == list(range(1, len(rows) + 1))
  with pytest.raises(core.StorageError, match='No space left'):  # still full
    _train(path)
  ballast.unlink()
  _train(path)
  _train(tmp_path / 'straight')
  _assert_same(path, tmp_path / 'straight')


def test_exit_codes(monkeypatch, capsys):
  # Whoever runs the tests has flags of its own.
  given = types.SimpleNamespace(mode='train', compile_cache=False)
  monkeypatch.setattr(entry, 'FLAGS', given)
  for error, code in (
    (checkpoints.SaveError('no space'), 74),
    (core.StorageError('gone'), 74),
    (core.Diverged('nan'), 3),
  ):

    def fail(flags, error=error):
      raise error

    monkeypatch.setattr(train_mode, 'run', fail)
    assert entry.main(['art_jax']) == code
    assert capsys.readouterr().err == f'art_jax: {error}\n'


def test_a_process_that_fails_alone_ends_with_its_own_code(monkeypatch):
  """jax would wait for the others for five minutes, then abort: 134."""
  ended = threading.Event()
  codes = []

  def end(code):
    codes.append(code)
    ended.set()

  def fail(flags):
    raise core.UserError('only here')

  given = types.SimpleNamespace(mode='train', compile_cache=False)
  monkeypatch.setattr(entry, 'FLAGS', given)
  monkeypatch.setattr(entry, '_GRACE', 0)
  monkeypatch.setattr(entry.os, '_exit', end)
  monkeypatch.setattr(train_mode, 'run', fail)
  monkeypatch.setattr(jax.distributed, 'is_initialized', lambda: True)
  assert entry.main(['art_jax']) == 2
  assert ended.wait(10) and codes == [2]


@pytest.mark.parametrize('lease, holder', [(9, None), (0, None), (9, 7)])
def test_the_lock_of_a_host_that_died(lease, holder, tmp_path, monkeypatch):
  answers = [BlockingIOError, BlockingIOError]

  def flock(*unused):
    if answers:
      raise answers.pop()

  monkeypatch.setattr(lock.fcntl, 'flock', flock)
  monkeypatch.setattr(lock, 'holder', lambda folder: holder)
  monkeypatch.setattr(lock, '_LEASE', lease)
  monkeypatch.setattr(lock.time, 'sleep', lambda seconds: None)
  given_back = lease and not holder
  context = (
    contextlib.nullcontext()
    if given_back
    else pytest.raises(core.UserError, match='is training in it')
  )
  with context, lock.RunLock(tmp_path, enabled=True):
    assert not answers


def test_a_folder_that_not_all_processes_share(tmp_path, monkeypatch):
  monkeypatch.setattr(lock, '_SEEN', 0)
  monkeypatch.setattr(lock.distributed, 'of_main', lambda digest: b'another')
  with pytest.raises(core.UserError, match='is not one folder for all'):
    with lock.RunLock(tmp_path, enabled=False):
      pass


# Signals.


@pytest.mark.slow
def test_signals_during_a_save(tmp_path, monkeypatch):
  """A second one changes nothing: the checkpoint is whole."""
  real = checkpoints.Checkpoints._write

  def slow(self, *args):
    time.sleep(0.2)
    for _ in range(2):
      os.kill(os.getpid(), signal.SIGTERM)
      time.sleep(0.1)
    real(self, *args)

  with monkeypatch.context() as patch:
    patch.setattr(checkpoints.Checkpoints, '_write', slow)
    with pytest.raises(loop.Preempted):
      _train(tmp_path / 'stopped')
  _train(tmp_path / 'stopped')
  _train(tmp_path / 'straight')
  _assert_same(tmp_path / 'stopped', tmp_path / 'straight')
