"""tools/checkpoints.py: list, verify, prune."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from art_jax.runs import checkpoints, lock

_ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def run(tmp_path):
  state = np.random.default_rng(0).standard_normal(50_000)
  with checkpoints.Checkpoints(tmp_path / 'checkpoints', keep_last=9) as c:
    for step in (10, 20, 30, 40):
      c.save(step, state, {})
  return tmp_path


def _tool(run, *arguments):
  done = subprocess.run(
    [sys.executable, 'tools/checkpoints.py', f'--run={run}', *arguments],
    cwd=_ROOT,
    capture_output=True,
    text=True,
  )
  assert 'Traceback' not in done.stderr, done.stderr
  return done.returncode, done.stdout, done.stderr


def _damage(run, step):
  files = (run / 'checkpoints' / str(step) / 'arrays').rglob('d/*')
  largest = max(files, key=lambda p: p.stat().st_size)
  os.truncate(largest, 50)


def test_list_and_verify(run):
  code, out, _ = _tool(run, 'list')
  assert code == 0
  assert [line.split()[0] for line in out.splitlines()] == [
    '10',
    '20',
    '30',
    '40',
  ]
  assert all(float(line.split()[1]) >= 0.4 for line in out.splitlines())
  assert _tool(run, 'verify')[0] == 0
  _damage(run, 20)
  code, out, _ = _tool(run, 'verify')
  assert code == 1
  assert [line.split()[1] for line in out.splitlines()] == [
    *('good', 'item', 'good', 'good')
  ]
  assert len(list((run / 'checkpoints').iterdir())) == 4  # nothing moved


def test_prune(run):
  _damage(run, 40)
  code, _, errors = _tool(run, 'prune', '--keep_last=1')
  assert code == 2 and 'nothing was removed' in errors
  with lock.RunLock(run, enabled=True):
    code, _, errors = _tool(run, 'prune', '--keep_last=2')
    assert code == 2 and 'is training in it' in errors
  code, out, _ = _tool(run, 'prune', '--keep_last=2', '--keep_every=20')
  assert code == 0 and out.splitlines()[-1].split() == ['10', 'removed']
  assert sorted(os.listdir(run / 'checkpoints')) == ['20', '30', '40']


@pytest.mark.parametrize('arguments', [(), ('tidy',), ('list', 'more')])
def test_bad_words(run, arguments):
  code, _, errors = _tool(run, *arguments)
  assert code == 2 and 'list, verify, prune' in errors


def test_no_run(tmp_path):
  code, _, errors = _tool(tmp_path / 'none', 'list')
  assert code == 2 and 'no checkpoint' in errors
  assert not (tmp_path / 'none').exists()
