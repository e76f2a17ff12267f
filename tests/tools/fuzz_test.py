"""Hostile files: read or refused, never a crash, a hang or code."""

import json
import random
import time
import zlib

import numpy as np
import pytest

from art_jax import core
from art_jax.runs import checkpoints as checkpoint_store
from art_jax.runs import metrics_log
from art_jax.runs.folder import RunFolder
from tools.robustness import mutations


@pytest.mark.slow
@pytest.mark.parametrize('kind', mutations.KINDS)
def test_damaged_files(kind, tmp_path, monkeypatch):
  """A short tools/robustness/fuzz.py; anything but a UserError fails."""
  monkeypatch.chdir(tmp_path)  # where code in a file would leave its mark
  mutations.prepare(kind, tmp_path)
  results, slowest = [], 0
  for seed in range(25 if kind in ('archive', 'checkpoint') else 60):
    start = time.monotonic()
    results.append(mutations.read_one(kind, tmp_path, seed))
    slowest = max(slowest, time.monotonic() - start)
  # A damaged times.json stops no training: it begins anew.
  assert 'refused' in results or kind == 'times'
  assert slowest < 20


def test_mutations_are_repeatable():
  data = bytes(range(200))
  one, two = (mutations.damage(data, random.Random(7)) for _ in range(2))
  assert one == two != data


# What the long run found.


def _refused(tmp_path, content: bytes, match: str):
  (tmp_path / 'config.txt').write_bytes(content)
  with pytest.raises(core.UserError, match=match):
    RunFolder(tmp_path, writable=False).read_config()


def test_config_of_other_bytes(tmp_path):
  _refused(tmp_path, b'Experiment(\xed\xa0)', "config.txt: 'utf-8' codec")


def test_config_that_is_too_large(tmp_path):
  _refused(tmp_path, b' ' * (2**20 + 1), 'bytes; a config has')


@pytest.mark.parametrize('depth', [300, 100_000])
def test_config_that_is_too_deep(tmp_path, depth):
  _refused(tmp_path, b'(' * depth + b')' * depth, 'config.txt')


@pytest.mark.parametrize('row', ['{"step": "x"}', '[' * 100_000])
def test_metrics_row(tmp_path, row):
  path = tmp_path / 'metrics.jsonl'
  path.write_text(f'{{"step": 1}}\n{row}\n')
  with pytest.raises(core.UserError, match='line 2'):
    metrics_log.read_metrics(path)


_LIES = {
  'no-path': lambda layout: layout['leaves'][0].pop('path'),
  'huge': lambda layout: layout['pieces'].update(float32_0=2**60),
  'huge-leaf': lambda layout: layout['leaves'][0].update(shape=[2**60]),
  'negative': lambda layout: layout['leaves'][0]['stored'].__setitem__(1, -1),
  'overlap': lambda layout: layout['leaves'][1]['stored'].__setitem__(1, 0),
  'other-type': lambda layout: layout['leaves'][0].update(dtype='int8'),
  'no-leaves': lambda layout: layout.pop('leaves'),
  'text': lambda layout: layout.update(leaves='ab'),
  'no-crc': lambda layout: layout['leaves'][0].pop('crc32'),
}


@pytest.mark.parametrize('lie', _LIES)
def test_checkpoint_that_lies_with_right_checksums(tmp_path, lie):
  state = [np.zeros(4, np.float32), np.ones(3, np.float32)]
  with checkpoint_store.Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(1, state, {})
  path = tmp_path / '1' / 'layout' / 'metadata'
  layout = json.loads(path.read_text())
  _LIES[lie](layout)
  layout['crc32'] = None
  text = json.dumps(layout, sort_keys=True)
  layout['crc32'] = zlib.crc32(text.encode())
  path.write_text(json.dumps(layout))
  with checkpoint_store.Checkpoints(tmp_path, read_only=True) as checkpoints:
    assert 'layout' in checkpoints.verify(
      1
    ) or 'checksum' in checkpoints.verify(1)
    with pytest.raises(core.UserError, match='damaged'):
      checkpoints.restore(state)
