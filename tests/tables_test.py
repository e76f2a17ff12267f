"""Tests of what tools/study.py, facades.py and the tables compute."""

import importlib
import math
import pathlib
import sys

import numpy as np
import pytest

_TOOLS = pathlib.Path(__file__).resolve().parent.parent / 'tools'


@pytest.fixture
def tool(monkeypatch):
  monkeypatch.syspath_prepend(str(_TOOLS))

  def load(name):
    return importlib.import_module(name)

  yield load
  for name in ('facades', 'study', 'smoothing_table', 'stabiliser_table'):
    sys.modules.pop(name, None)


def test_facades_agreement(tool):
  facades = tool('facades')
  noisy = np.clip(facades.PALETTE + [9, -9, 9], 0, 255).astype(np.uint8)
  assert facades.snap(noisy).tolist() == list(range(12))
  # Class 0: 2 of 3 hit, nothing else said so: 2/3; class 1: 1 of 2: 1/2.
  accuracy, iou = facades.agreement(
    np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1])
  )
  assert (accuracy, iou) == (0.75, pytest.approx((2 / 3 + 1 / 2) / 2))


def test_study_table_and_diversity(tool):
  study = tool('study')
  found = {'a': [{'kid': 1.0}, {'kid': 3.0}], 'b': [{'kid': 5.0}, {'kid': 5.0}]}
  text = study.table(found).splitlines()
  assert text[2:] == ['| a | 2 +- 1.4 |', '| b | 5 +- 0 |']
  real = np.array([0, 100, 200], np.uint8).reshape(3, 1, 1, 1)
  fake = np.array([0, 50, 100], np.uint8).reshape(3, 1, 1, 1)
  assert study.diversity(real, fake) == pytest.approx(0.5)
  assert study.diversity(real, 0 * fake) == pytest.approx(0, abs=1e-6)


def test_effect_of_a_stabiliser(tool):
  table = tool('stabiliser_table')
  rows, baseline = ([{'kid': v} for v in values] for values in ((2, 4), (1, 1)))
  # Differences 1 and 3: mean 2, error 1, t(0.975, 1) = 12.706.
  mean, half = table.effect(rows, baseline)
  assert mean == 2 and half == pytest.approx(12.706, abs=1e-3)
  assert math.isnan(table.effect(rows[:1], baseline[:1])[1])


def test_stabilisers_and_cells_are_experiments(tool):
  from art_jax import config

  table = tool('stabiliser_table')
  plain = config.load('dcgan_japanese_v1')
  for changes in table.CELLS.values():
    changed = config.override(plain, list(changes))
    assert bool(config.differences(plain, changed)) == bool(changes)


def test_entropy_of_smoothed_targets(tool):
  entropy = tool('smoothing_table')._entropy
  assert entropy(1, 1) == pytest.approx(0, abs=1e-6)
  # Integral of the entropy over (0, 1) is 1/2.
  assert entropy(0, 1) == pytest.approx(0.5, abs=1e-2)
