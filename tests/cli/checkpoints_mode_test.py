"""`art_jax checkpoints RUN`: list, verify, prune."""

import os

import numpy as np
import pytest
from command_line import run_main

from art_jax.runs import checkpoints, lock


@pytest.fixture
def run(tmp_path):
  state = np.random.default_rng(0).standard_normal(50_000)
  with checkpoints.Checkpoints(tmp_path / 'checkpoints', keep_last=9) as c:
    for step in (10, 20, 30, 40):
      c.save(step, state, {})
  return tmp_path


def _mode(run, *arguments):
  return run_main('checkpoints', str(run), *arguments)


def _damage(run, step):
  files = (run / 'checkpoints' / str(step) / 'arrays').rglob('d/*')
  largest = max(files, key=lambda p: p.stat().st_size)
  os.truncate(largest, 50)


def test_list_and_verify(run):
  code, out, _ = _mode(run)
  assert code == 0
  assert [line.split()[0] for line in out.splitlines()] == [
    '10',
    '20',
    '30',
    '40',
  ]
  assert all(float(line.split()[1]) >= 0.4 for line in out.splitlines())
  assert _mode(run, '--verify')[0] == 0
  _damage(run, 20)
  code, out, _ = _mode(run, '--verify')
  assert code == 1
  assert [line.split()[1] for line in out.splitlines()] == [
    *('good', 'item', 'good', 'good')
  ]
  assert len(list((run / 'checkpoints').iterdir())) == 4  # nothing moved


def test_prune(run):
  killed = run / 'checkpoints' / '40.removing' / 'arrays'  # in the middle
  killed.mkdir(parents=True)
  _damage(run, 40)
  code, _, errors = _mode(run, '--prune', '--keep_last=1')
  assert code == 2 and 'nothing was removed' in errors
  with lock.RunLock(run, enabled=True):
    code, _, errors = _mode(run, '--prune', '--keep_last=2')
    assert code == 2 and 'is training in it' in errors
  code, out, _ = _mode(run, '--prune', '--keep_last=2', '--keep_every=20')
  assert code == 0 and out.splitlines()[-1].split() == ['10', 'removed']
  assert sorted(os.listdir(run / 'checkpoints')) == ['20', '30', '40']


def test_prune_keeps_the_best(run):
  with checkpoints.Checkpoints(run / 'checkpoints', keep_last=9) as c:
    c.save(50, np.zeros(9), {'best': {'step': 20}})
  code, *_ = _mode(run, '--prune', '--keep_last=1')
  assert code == 0
  assert sorted(os.listdir(run / 'checkpoints')) == ['20', '50']


@pytest.mark.slow
@pytest.mark.parametrize(
  'arguments, message',
  [
    (('tidy',), 'checkpoints takes one RUN'),
    (('--tidy',), 'help checkpoints'),
    (('--verify', '--prune'), 'give one of them'),
    (('--keep_last=2',), '--keep_last=2 is for --prune'),
    (('--verify', '--keep_every=5'), '--keep_every=5 is for --prune'),
    (('--prune', '--keep_last=0'), 'keep_last'),
  ],
)
def test_bad_words(run, arguments, message):
  code, _, errors = _mode(run, *arguments)
  assert code == 2 and message in errors
  assert len(os.listdir(run / 'checkpoints')) == 4


def test_the_absl_form(run):
  code, out, _ = run_main('--mode=checkpoints', f'--run={run}')
  assert code == 0 and len(out.splitlines()) == 4


def test_no_run(tmp_path):
  code, _, errors = _mode(tmp_path / 'none')
  assert code == 2 and 'no checkpoint' in errors
  assert not (tmp_path / 'none').exists()
