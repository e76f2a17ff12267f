"""The speed of the input, as the command measures it."""

import pytest

from art_jax.data import pipeline
from tools.benchmarks import input_speed


@pytest.mark.parametrize('kind', pipeline.ENGINES)
def test_every_engine_is_measured(kind, tmp_path):
  if kind == 'streaming':
    pytest.importorskip('tensorflow')
  input_speed.paint(tmp_path, count=9, side=20)
  rate = input_speed.measure(str(tmp_path), kind, size=8, seconds=0)
  assert rate.wall > 0
  assert rate.processor > 0
  assert rate.opening >= 0
