"""The speed of the input, as the command measures it."""

import pytest

from art_jax.data import pipeline
from tools.benchmarks import input_speed


@pytest.mark.parametrize('kind', pipeline.ENGINES)
@pytest.mark.parametrize('first', [False, True])
def test_every_engine_is_measured(kind, first, tmp_path):
  if kind == 'streaming':
    pytest.importorskip('tensorflow')
  folder, cache = tmp_path / 'pictures', tmp_path / 'cache'
  folder.mkdir()
  input_speed.paint(folder, count=9, side=20)
  rate = input_speed.measure(
    str(folder), kind, 8, 0, str(cache) if first else None, first
  )
  assert cache.exists() == first
  assert rate.wall > 0
  assert rate.processor > 0
  assert rate.opening >= 0
