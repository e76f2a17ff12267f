"""What is due when: against a table of intervals, step by step."""

import dataclasses

import pytest

from art_jax import core
from art_jax.training.schedule import Due, Schedule

_TRAIN = core.Train(
  duration=24,
  batch_size=1,
  log_every=5,
  render_every=8,
  checkpoint_every=12,
  evaluate_every=7,
)
_FIELDS = [field.name for field in dataclasses.fields(Due)]


def _steps(schedule, name, **stopping):
  return [s for s in range(1, 25) if getattr(schedule.due(s, **stopping), name)]


@pytest.mark.parametrize(
  'measures, changes, expected',
  [
    (
      True,
      {},
      {
        'log': [1, 5, 7, 8, 10, 12, 14, 15, 16, 20, 21, 24],
        'render': [1, 8, 16, 24],
        'checkpoint': [12, 24],
        'measure': [1, 7, 8, 14, 16, 21, 24],
        'evaluate': [7, 14, 21, 24],
      },
    ),
    (
      True,
      {'evaluate_every': 0},  # at every checkpoint
      {'measure': [1, 8, 12, 16, 24], 'evaluate': [12, 24]},
    ),
    (
      True,
      {'best_metric': 'none'},
      {'measure': [1, 8, 16, 24], 'evaluate': []},
    ),
    (
      True,
      {'on_alarm': 'off'},
      {'measure': [7, 14, 21, 24], 'evaluate': [7, 14, 21, 24]},
    ),
    (
      False,  # A row that is there anyway may still be the best.
      {},
      {
        'log': [1, 5, 8, 10, 12, 15, 16, 20, 24],
        'measure': [],
        'evaluate': [24],
      },
    ),
    # What is kept is saved first: 5 is no multiple of 12.
    (
      True,
      {'keep_every': 5, 'evaluate_every': 0},
      dict.fromkeys(('checkpoint', 'evaluate'), [5, 10, 12, 15, 20, 24]),
    ),
    # Duration ends between two intervals.
    (False, {'duration': 23}, {'checkpoint': [12, 23, 24]}),
  ],
)
def test_what_is_due(measures, changes, expected):
  train = dataclasses.replace(_TRAIN, **changes)
  schedule = Schedule(train, measures)
  assert {name: _steps(schedule, name) for name in expected} == expected


def test_a_stop_writes_what_a_run_ends_with():
  stopped = Schedule(_TRAIN, True).due(3, stopping=True)
  assert stopped == Due(
    log=True, render=True, checkpoint=True, measure=False, evaluate=False
  )
  assert not Schedule(_TRAIN, True).due(3).log


@pytest.mark.parametrize('measures', [False, True])
@pytest.mark.parametrize(
  'changes', [{}, {'best_metric': 'none'}, {'keep_every': 9}]
)
def test_the_next_step_is_the_first_at_which_anything_is_due(measures, changes):
  schedule = Schedule(dataclasses.replace(_TRAIN, **changes), measures)
  due = _steps(schedule, 'log')
  for step in range(24):
    assert schedule.next(step) == min(s for s in due if s > step)
  # A row is there whenever anything is.
  for name in _FIELDS:
    assert set(_steps(schedule, name)) <= set(due)
