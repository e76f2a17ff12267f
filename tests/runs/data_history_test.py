"""A run that is started again with the same pictures, or with others."""

import dataclasses
import json
import logging
import shutil

import jax
import numpy as np
import pytest
import toy
from PIL import Image

from art_jax import core
from art_jax.config import experiments, serialization
from art_jax.data.dataset import Dataset, Examples
from art_jax.data.sources import Classes, Unpaired
from art_jax.devices import distributed, mesh
from art_jax.runs import (
  checkpoints,
  data_history,
  folder,
  restore,
  start_record,
)
from art_jax.training import loop


def _fill(root, count=6, first=0):
  for domain in 'AB':
    (root / f'train{domain}').mkdir(parents=True, exist_ok=True)
    for i in range(first, first + count):
      value = 20 * i + 7 * (domain == 'B')
      picture = np.full((16, 16, 3), value, np.uint8)
      Image.fromarray(picture).save(root / f'train{domain}' / f'{i}.png')
  return root


def _train(run, pictures, *assignments, **kwargs):
  experiment = toy.experiment('train.on_alarm=off', 'train.best_metric=none')
  experiment = experiments.replace(
    experiment, {'data.source': Unpaired(str(pictures))}
  )
  experiment = experiments.override(experiment, assignments)
  return loop.train(experiment, run, devices=mesh.make_devices(1), **kwargs)


def _host(run):
  with checkpoints.Checkpoints(run / 'checkpoints', read_only=True) as c:
    return c.host()


def _data(run):
  return json.loads((run / 'data.json').read_text())


@pytest.fixture(scope='module')
def begun(tmp_path_factory):
  """A run of 4 steps, and its pictures."""
  path = tmp_path_factory.mktemp('begun')
  _train(path / 'run', _fill(path / 'set'), 'train.duration=4')
  return path


@pytest.fixture
def case(begun, tmp_path):
  """A copy of them under another path."""
  shutil.copytree(begun, tmp_path / 'x')
  return tmp_path / 'x'


@pytest.mark.slow
def test_the_same_set_elsewhere_continues_bit_for_bit(begun, case, caplog):
  _train(case / 'straight', begun / 'set')
  with caplog.at_level(logging.WARNING):
    _train(case / 'run', case / 'set')
  assert 'data' not in caplog.text
  one, two = (_state(case / name) for name in ('straight', 'run'))
  jax.tree.map(np.testing.assert_array_equal, one, two)
  assert str(case) in (case / 'run' / 'config.txt').read_text()
  assert _data(case / 'run')['changes'] == []
  digest = _data(case / 'run')['digest']
  assert _host(case / 'run')['data']['digest'] == digest
  assert (case / 'run' / 'data' / f'{digest}.json').exists()


def _state(run):
  return restore.restore(run, extra={'Toy': toy.Toy})[1].state


def _add(pictures):
  _fill(pictures, 2, first=8)


def _remove(pictures):
  (pictures / 'trainA' / '2.png').unlink()


def _replace(pictures):
  shutil.copy(pictures / 'trainB' / '2.png', pictures / 'trainB' / '1.png')


def _rename(pictures):
  (pictures / 'trainB' / '1.png').rename(pictures / 'trainB' / 'one.png')


def _hold_out(pictures):
  shutil.copytree(pictures / 'trainA', pictures / 'testA')


_CHANGES = {
  _add: r"2 added: '8.png', '9.png'",
  _remove: r"1 removed: '2.png'",
  _replace: r"pictures of b \(1 replaced: '1.png'\)",
  _rename: r"added: 'one.png'",
  _hold_out: r'held-out pictures of a',
}


@pytest.mark.slow
@pytest.mark.parametrize('change', _CHANGES)
def test_other_pictures_are_refused_or_go_on_as_told(change, case, caplog):
  change(case / 'set')
  before = (case / 'run' / 'data.json').read_text()
  with pytest.raises(core.UserError, match=_CHANGES[change]) as error:
    _train(case / 'run', case / 'set')
  for words in ('since step 4', 'on_data_change=continue', '--init_from='):
    assert words in str(error.value)
  assert (case / 'run' / 'data.json').read_text() == before
  with caplog.at_level(logging.WARNING):
    _train(case / 'run', case / 'set', 'train.on_data_change=continue')
  assert 'The data changed since step 4: ' in caplog.text
  (noted,) = _data(case / 'run')['changes']
  assert noted['step'] == 4 and noted['now'] == _data(case / 'run')['digest']
  assert len(list((case / 'run' / 'data').iterdir())) == 2
  # From here on these are its pictures, and what is noted stays.
  caplog.clear()
  _train(case / 'run', case / 'set', 'train.duration=10')
  assert 'The data changed' not in caplog.text
  assert _data(case / 'run')['changes'] == [noted]


def test_a_run_in_epochs_that_is_over_with_fewer_pictures(case):
  for i in range(4):
    for domain in 'AB':
      (case / 'set' / f'train{domain}' / f'{i}.png').unlink()
  settings = 'train.on_data_change=continue', 'train.duration=Epochs(1)'
  summary = _train(case / 'run', case / 'set', *settings)
  assert summary['steps'] <= 0
  with checkpoints.Checkpoints(case / 'run' / 'checkpoints') as c:
    assert c.steps()[-1] == 4


# The decision alone, without a training.


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Labels(toy.Toy):
  inputs = ('image', 'label')


def _classes(root, names):
  for name in names:
    (root / name).mkdir(parents=True)
    for i in range(3):
      picture = np.full((16, 16, 3), 10 * i, np.uint8)
      Image.fromarray(picture).save(root / name / f'{i}.png')
  return Classes(str(root))


def _check(path, old, new, host=None, *assignments, recorded=None, labels=True):
  """Decide for a run with the data of `old` that is started with `new`.

  Args:
    path: of the run folder.
    old: source of the checkpoint's data.
    new: of the data now.
    host: of the checkpoint; None: as `old` makes it.
    assignments: to the experiment now.
    recorded: data.json; None: as `old` makes it.
    labels: the model reads them.
  """
  experiment = experiments.override(toy.experiment(), assignments)
  algorithm = _Labels() if labels else toy.Toy()
  before, now = (
    experiments.replace(
      experiment, {'data.source': source, 'algorithm': algorithm}
    )
    for source in (old, new)
  )
  run = folder.RunFolder(path, writable=True)
  was = old.open(before.data)
  run.write('config.txt', serialization.to_text(before))
  content = start_record.describe_data(was) if recorded is None else recorded
  run.write_json('data.json', content)
  data_history.note(run, was.fingerprint)
  if host is None:
    host = {'data': json.loads(json.dumps(was.fingerprint.summary()))}
  restored = checkpoints.Restored(20, None, host)
  return data_history.check(run, restored, new.open(now.data), now)


_CONTINUE = 'train.on_data_change=continue'


@pytest.mark.parametrize('known', [True, False])
@pytest.mark.parametrize('policy', ['stop', 'continue'])
@pytest.mark.parametrize('names', ['ac', 'abc', 'bcd', 'b', 'bC'])
def test_classes_that_map_otherwise_are_never_continued(
  known, policy, names, tmp_path
):
  old, new = _classes(tmp_path / 'old', 'bc'), _classes(tmp_path / 'new', names)
  host = None if known else {}
  policy = f'train.on_data_change={policy}'
  with pytest.raises(
    core.UserError, match="since step 20 the classes were 'b'"
  ):
    _check(tmp_path / 'run', old, new, host, policy)


def test_classes_that_are_not_read_are_only_told(tmp_path):
  old, new = _classes(tmp_path / 'old', 'bc'), _classes(tmp_path / 'new', 'bcd')
  (change,) = _check(tmp_path / 'run', old, new, None, _CONTINUE, labels=False)
  assert '3 added' in change['what'] and change['step'] == 20


def test_a_checkpoint_without_a_fingerprint_goes_on_with_a_notice(
  tmp_path, caplog
):
  old = _classes(tmp_path / 'old', 'bc')
  with caplog.at_level(logging.WARNING):
    assert _check(tmp_path / 'run', old, old, {}) == []
  assert 'step 20 does not say which pictures' in caplog.text


@pytest.mark.parametrize(
  'count, words', [(3, 'lie elsewhere'), (4, r'5 -> \d training')]
)
def test_without_a_fingerprint_other_counts_or_paths_are_refused(
  count, words, tmp_path
):
  old, new = _classes(tmp_path / 'old', 'bc'), _classes(tmp_path / 'new', 'bc')
  for i in range(3, count):
    shutil.copy(tmp_path / 'new/b/0.png', tmp_path / f'new/b/{i}.png')
  with pytest.raises(core.UserError, match=words):
    _check(tmp_path / 'run', old, new, {})
  (change,) = _check(tmp_path / 'run', old, new, {}, _CONTINUE)
  assert change['before'] is None


def test_a_list_of_files_that_is_gone_leaves_the_counts(tmp_path):
  old, new = _classes(tmp_path / 'old', 'bc'), _classes(tmp_path / 'new', 'bc')
  shutil.copy(tmp_path / 'new/b/0.png', tmp_path / 'new/b/9.png')
  (change,) = _check(tmp_path / 'run', old, new, None, _CONTINUE)
  assert '(1 added' in change['what']
  (file,) = (tmp_path / 'run' / 'data').iterdir()
  file.write_text('{"tr')
  (change,) = _check(tmp_path / 'run', old, new, None, _CONTINUE)
  assert ' -> ' in change['what'] and 'added' not in change['what']


@dataclasses.dataclass(frozen=True)
class _Own:
  """A source that does not say what its examples hold."""

  root: str

  def open(self, data):
    del data
    examples = Examples(('image', 'label'), ['x', 'y'], lambda index: {})
    return Dataset((examples,), (examples,))


def test_a_source_that_knows_names_only_may_not_move(tmp_path, caplog):
  with caplog.at_level(logging.WARNING):
    assert _check(tmp_path / 'run', _Own('/a'), _Own('/a')) == []
  assert not caplog.text
  with pytest.raises(core.UserError, match='lie elsewhere'):
    _check(tmp_path / 'run', _Own('/a'), _Own('/b'))
  assert len(_check(tmp_path / 'run', _Own('/a'), _Own('/b'), None, _CONTINUE))


def test_a_run_that_is_measured_with_other_pictures_is_told(tmp_path, caplog):
  old, new = _classes(tmp_path / 'old', 'bc'), _classes(tmp_path / 'new', 'bc')
  shutil.copy(tmp_path / 'new/b/0.png', tmp_path / 'new/b/9.png')
  _check(tmp_path / 'run', old, old)
  run = folder.RunFolder(tmp_path / 'run', writable=False)
  data = toy.experiment().data
  with caplog.at_level(logging.WARNING):
    data_history.tell_if_other(run, old.open(data).fingerprint)
    assert not caplog.text
    data_history.tell_if_other(run, new.open(data).fingerprint)
  assert "1 added: 'b/9.png'" in caplog.text


def test_processes_with_other_pictures_are_refused(monkeypatch):
  codes = np.array([[1, 2], [1, 2], [1, 3]], np.uint8)
  monkeypatch.setattr(distributed.jax, 'process_count', lambda: 3)
  monkeypatch.setattr(
    distributed.multihost_utils, 'process_allgather', lambda _: codes
  )
  with pytest.raises(core.UserError, match='the data of process 2 are others'):
    distributed.require_same('0102', 'the data')
  codes[2] = codes[0]
  distributed.require_same('0102', 'the data')


@pytest.mark.parametrize(
  'assignment', ['train.seed=1', 'data.heldout=0.5', 'data.size=8']
)
def test_another_setting_is_refused_with_the_way_to_begin_with_it(
  assignment, begun
):
  with pytest.raises(core.UserError, match='--init_from=') as error:
    _train(begun / 'run', begun / 'set', assignment)
  assert assignment.partition('=')[0] in str(error.value)
