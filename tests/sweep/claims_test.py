"""Cells of a sweep that several processes share: one works at each."""

import json
import os
import subprocess
import sys
import time

import pytest

from art_jax import core
from art_jax.sweep import claims
from art_jax.sweep.claims import Claims, Lost


@pytest.fixture
def elsewhere(tmp_path):
  """Claims of a process of another machine."""
  with Claims(tmp_path) as one:
    one._about = {'host': 'far', 'pid': 1, 'boot': 'other', 'namespace': ''}
    yield one


def _age(folder, name, seconds):
  then = time.time() - seconds
  os.utime(folder / 'claims' / name, (then, then))


def test_a_cell_is_one_process_and_free_once_given_back(tmp_path, elsewhere):
  with Claims(tmp_path) as own:
    assert elsewhere.take('a')
    assert not own.take('a')
    assert own.owner('a') == 'far, process 1'
    assert own.take('b') and not elsewhere.take('b')
    elsewhere.give_back('a')
    assert own.owner('a') is None
    assert own.take('a')
    own.require('a')
  assert elsewhere.take('b')  # given back at the end
  assert elsewhere.count('b') == 2


def test_a_silent_one_loses_its_cell_and_learns_it(tmp_path, elsewhere):
  with Claims(tmp_path) as own:
    assert elsewhere.take('a')
    _age(tmp_path, 'a.1', claims.STALE - 30)
    assert not own.take('a')
    _age(tmp_path, 'a.1', claims.STALE + 30)
    assert own.take('a')
    with pytest.raises(Lost, match='a was taken over by '):
      elsewhere.require('a')
    elsewhere.give_back('a')  # of what is no longer its own: nothing happens
    own.require('a')
    assert not elsewhere.take('a')


def test_touching_keeps_a_cell(tmp_path):
  with Claims(tmp_path, beat=0.01) as own:
    assert own.take('a')
    _age(tmp_path, 'a.1', 1000)
    end = time.monotonic() + 10
    while time.time() - (tmp_path / 'claims/a.1').stat().st_mtime > 100:
      assert time.monotonic() < end
      time.sleep(0.01)


def test_a_process_of_this_machine_that_died_is_followed_at_once(tmp_path):
  killed = subprocess.Popen([sys.executable, '-c', 'pass'])
  killed.wait()
  with Claims(tmp_path) as dead:
    dead._about['pid'] = killed.pid
    assert dead.take('a')
    dead._held.clear()
  with Claims(tmp_path) as own:
    assert own.take('a')


@pytest.mark.parametrize('text', ['', '{"host', '[]'])
def test_a_claim_that_is_being_written_is_a_claim(tmp_path, text):
  with Claims(tmp_path) as own:
    (tmp_path / 'claims/a.1').write_text(text)
    assert not own.take('a')
    assert own.owner('a') == 'nobody, process ?'


def test_a_claim_says_who(tmp_path):
  with Claims(tmp_path) as own:
    own.take('lr=1e-4,seed=0')
    about = json.loads((tmp_path / 'claims/lr=1e-4,seed=0.1').read_text())
    assert about['pid'] == os.getpid()


def test_object_stores_are_refused():
  with pytest.raises(core.UserError, match='gs://b/s: .*POSIX'):
    claims.require_posix('gs://b/s')
