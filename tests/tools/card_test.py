"""tools/benchmarks/card.sh, tried at tiny size on the CPU."""

import gzip
import json
import os
import pathlib
import subprocess
import zipfile

import numpy as np
import pytest
from PIL import Image

from art_jax import core
from tools.benchmarks import card, card_steps, card_trace

_SCRIPT = pathlib.Path(card.__file__).with_suffix('.sh')


def test_the_limits_are_under_six_minutes():
  assert sum(card.LIMITS.values()) < 360


def test_pack_is_small_and_bounded(tmp_path, monkeypatch):
  monkeypatch.setattr(card, 'PACK', tmp_path / 'pack')
  paintings = tmp_path / 'paintings'
  paintings.mkdir()
  for name in 'abc':
    noise = np.random.default_rng(0).integers(0, 256, (400, 300, 3), np.uint8)
    Image.fromarray(noise).save(paintings / f'{name}.png')
  assert '3 of 3 paintings' in card.pack(paintings)
  with zipfile.ZipFile(tmp_path / 'pack/paintings.zip') as archive:
    with archive.open('00000.jpg') as file:
      assert Image.open(file).size == (160, 213)
  used = sum(p.stat().st_size for p in (tmp_path / 'pack').rglob('*.*'))
  monkeypatch.setattr(card, '_MOST', used - 1000)
  assert '2 of 3 paintings' in card.pack(paintings)
  with pytest.raises(core.UserError, match='no pictures'):
    card.pack(tmp_path / 'none')


def test_launches_of_a_trace(tmp_path):
  def named(kind, pid, name, tid=0):
    return {
      'ph': 'M',
      'name': kind,
      'pid': pid,
      'tid': tid,
      'args': {'name': name},
    }

  assert card_trace.launches(tmp_path, 3) is None
  events = [
    named('process_name', 1, '/device:GPU:0'),
    named('process_name', 2, '/host:CPU'),
    named('thread_name', 1, 'Stream #20(Compute)', 5),
    named('thread_name', 1, 'XLA Modules', 6),
    named('thread_name', 2, 'Stream', 5),
    *[{'ph': 'X', 'pid': 1, 'tid': 5, 'name': 'k'}] * 6,
    {'ph': 'X', 'pid': 1, 'tid': 6, 'name': 'module'},
    {'ph': 'X', 'pid': 2, 'tid': 5, 'name': 'host'},
  ]
  with gzip.open(tmp_path / 'host.trace.json.gz', 'wt') as file:
    json.dump({'traceEvents': events}, file)
  assert card_trace.launches(tmp_path, 3) == 2


def test_distance_is_a_share_of_what_the_step_moved():
  start = {'w': np.zeros(4, np.float32), 'step': np.int32(0)}
  right = {'w': np.full(4, 2, np.float32), 'step': np.int32(1)}
  other = {'w': np.full(4, 2.5, np.float32), 'step': np.int32(1)}
  assert card_steps.distance(right, right, start) == 0
  assert card_steps.distance(other, right, start) == pytest.approx(0.25)


@pytest.mark.slow
@pytest.mark.process
def test_every_part_writes_its_file(tmp_path):
  words = ['--tiny', '--parts=steps,peers,paintings', '--scale=5']
  done = subprocess.run(
    [_SCRIPT, tmp_path / 'out', *words],
    env={**os.environ, 'JAX_PLATFORMS': 'cpu'},
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr
  files = {p.name for p in (tmp_path / 'out').iterdir()}
  parts = {'steps.json', 'peers.json', 'paintings.json'}
  assert files == parts | {'flow64.png'}
  read = {p: json.loads((tmp_path / 'out' / p).read_text()) for p in parts}
  assert read['steps.json']['items']['autoencoder']['float32'] < 1e-4
  assert read['steps.json']['items']['autoencoder']['within']
  assert read['paintings.json']['items']['flow64']['step'] == 8
  peers = read['peers.json']
  assert peers['left_out'] or peers['items']
  again = subprocess.run(
    [_SCRIPT, tmp_path / 'out', '--parts=steps'], capture_output=True, text=True
  )
  assert again.returncode == 2 and 'name another folder' in again.stderr
