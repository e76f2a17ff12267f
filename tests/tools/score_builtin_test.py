"""The score of a translator is taken over as many scenes as are asked for."""

import re
import types

import pytest

from art_jax import core
from art_jax.config import experiments
from tools.studies import score_builtin


@pytest.fixture
def identity(monkeypatch):
  """Return nothing; a run is a translator that changes nothing."""
  experiment = experiments.load('cyclegan_demo', tiny=True)
  model = types.SimpleNamespace(
    experiment=experiment,
    algorithm=experiment.algorithm,
    translate=lambda pictures, direction: pictures,
  )
  monkeypatch.setattr(score_builtin.runs, 'load', lambda run: model)


def _distances(capsys, count: int) -> list[float]:
  score_builtin.main('run', count=count)
  return [float(x) for x in re.findall(r' (\d\.\d+)', capsys.readouterr().out)]


def test_more_scenes_than_are_held_out_are_further_ones(identity, capsys):
  eight, sixteen = (_distances(capsys, count) for count in (8, 16))
  assert len(set(eight[:2])) == 1  # untranslated: as far as doing nothing
  assert eight != sixteen


def test_no_more_scenes_are_scored_than_are_trained_on(identity):
  with pytest.raises(core.UserError, match='--count=32: it is below the 32'):
    score_builtin.main('run', count=32)
