"""What the tools of tools/studies compute, and what they would run."""

import argparse
import importlib.util
import json
import math
import pathlib
import subprocess
import sys
import time

import numpy as np
import pytest

from art_jax import core
from art_jax.cli.terminal import STOPPED
from art_jax.core.version import VERSION

_ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def tool():
  return lambda name: importlib.import_module(f'tools.studies.{name}')


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


def test_effect_of_a_stabilizer(tool):
  table = tool('tables')
  rows, baseline = ([{'kid': v} for v in values] for values in ((2, 4), (1, 1)))
  # Differences 1 and 3: mean 2, error 1, t(0.975, 1) = 12.706.
  mean, half = table.effect(rows, baseline)
  assert mean == 2 and half == pytest.approx(12.706, abs=1e-3)
  assert math.isnan(table.effect(rows[:1], baseline[:1])[1])


def test_stabilizers_and_cells_are_experiments(tool):
  from art_jax.config import experiments

  table = tool('tables')
  plain = experiments.load('dcgan_japanese_v1')
  for changes in table.STABILIZERS.values():
    changed = experiments.override(plain, list(changes))
    assert bool(experiments.differences(plain, changed)) == bool(changes)


def test_entropy_of_smoothed_targets(tool):
  entropy = tool('cell_figures').entropy
  assert entropy(1, 1) == pytest.approx(0, abs=1e-6)
  # Integral of the entropy over (0, 1) is 1/2.
  assert entropy(0, 1) == pytest.approx(0.5, abs=1e-2)


def test_what_two_changes_do_each(tool):
  cell = lambda *values: [  # noqa: E731
    {'checkerboard': math.exp(v), 'onset': v, 'kid': v} for v in values
  ]
  text = tool('tables').factors(
    {
      'plain': cell(1, 1),
      'leaky': cell(2, 2),
      'smoothed': cell(1, 1),
      'smoothed_leaky': cell(2, 9),  # of the second seed there is no other
    }
    | {'smoothed': cell(1)}
  )
  rows = [line.split(' | ') for line in text.splitlines()[2:]]
  assert rows[0][0] == '| leaky ReLU in G' and rows[0][2] == '+1 +- 0'
  assert rows[1][0] == '| smoothed labels' and rows[1][2] == '+0 +- 0'


def test_blotch_is_the_largest_new_spot(tool):
  photo = np.zeros((10, 10, 3), np.uint8) + 100
  photo[0, 0] = 255
  made = photo.copy()
  made[5:7, 5:8] = 250  # six pixels of a hundred
  made[9, 0] = 0
  blotch = tool('blotch')
  assert blotch.largest(made, photo, True) == pytest.approx(6)
  assert blotch.largest(made, photo, False) == pytest.approx(1)
  assert blotch.largest(photo, photo, True) == 0


_PLAN = {
  **{'pictures': '9 built-in paintings', 'machine': 'one core'},
  **{'version': VERSION, 'data': '', 'minutes': 20, 'size': 32, 'width': 16},
  **{'batch': 8, 'num': 500},
}


def _row(**figures):
  row = {'kid': 2.0, 'deviation': 0.1, 'recall': 0.1, 'copied': 0.0}
  row |= {'precision': 0.5, 'steps': 9, 'trained': 5.0, 'sampled': 10.0}
  return {'plan': _PLAN, **row, **figures}


def test_which_model_advises_only_on_all_of_them(tool):
  which = tool('which_model')
  rows = {name: _row() for name in which.MODELS}
  rows['diffusion'] |= {'kid': 1.0, 'sampled': 0.1, 'recall': 0.4}
  rows['WGAN'] |= {'kid': 1.5}

  def told(plan=_PLAN, part='built-in', **more):
    known = {part: {'plan': plan, 'rows': {**rows, **more}}}
    return which.which_model_page.page(
      known, tuple(which.MODELS), which.RECIPES
    )

  assert 'diffusion comes nearest to the data' in told()
  assert '(lowest KID in `pixels32`)' in told()
  assert 'with many pictures a second: WGAN.' in told()
  assert '100 times as many\n  pictures a second as diffusion' in told()
  old = told(VAE=_row(plan=_PLAN | {'minutes': 5}))
  assert (
    'VAE * ' in old
    and 'Measured with an earlier version or other settings: 5 minutes at 32 px'
    in old
  )
  assert '8 of 9 models are measured with this version' in old
  judged = {'kid/squeezenet': 3.0, 'deviation/squeezenet': 0.1}
  rows = {name: row | judged for name, row in rows.items()}
  rows['DCGAN'] |= {'kid/squeezenet': 1.0}
  assert 'DCGAN comes nearest to the data' in told()
  failed = told(WGAN={'plan': _PLAN, 'failed': 'not made: no weights'})
  assert 'What these figures say (without WGAN):' in failed
  folder = _PLAN | {'data': 'van_gogh'}
  assert '--data=van_gogh' in told(folder, 'folder')
  assert '0 of 9 models are measured with this version' in told(
    folder, 'folder'
  )
  old = _PLAN | {'version': '0.0'}
  assert '0 of 9' in told(old, **{n: _row(plan=old) for n in rows})


def test_which_model_gives_recipes_their_own_width(tool, tmp_path):
  which = tool('which_model')
  plan = which.Plan(size=32, width=7, batch=5)
  flags = {n: which._training(n, tmp_path, plan) for n in which.MODELS}
  for name, words in flags.items():
    own = name in which.RECIPES
    assert any('width=7' in word for word in words) != own
    assert ('--set=train.batch_size=5' in words) != own
    assert '--set=data.size=32' in words


def test_which_model_goes_on_with_what_was_cut_short(tool, tmp_path):
  timed = tool('which_model').timed_run
  assert timed.trained(tmp_path) == 0
  seconds = {'compile': 30.0, 'step': 60.0, 'render': 5.0, 'input': 1.0}
  steps = ((0, 600), (500, 1100))  # killed twice, at steps 600 and 1,100
  stretches = [
    {'began': 0.0, 'first': a, 'last': b, 'wall': 100.0, 'seconds': seconds}
    for a, b in steps
  ]
  (tmp_path / 'times.json').write_text(json.dumps(stretches))
  for step in (500, 1000):
    (tmp_path / 'checkpoints' / str(step)).mkdir(parents=True)
  assert timed.trained(tmp_path) == pytest.approx(2 * 50 + 2)


def test_which_model_loses_no_figure_to_a_failure(tool, tmp_path, monkeypatch):
  which = tool('which_model')
  plan, file = which.Plan(minutes=0.1), tmp_path / 'results.json'
  file.write_text(json.dumps({'built-in': {'rows': {'VAE': _row()}}}))

  def fail(*unused):
    raise which.timed_run.Failed('no memory')

  monkeypatch.setattr(which.timed_run, 'art_jax', fail)
  told = {'results': str(file), 'output': str(tmp_path / 'page.md')}
  only = ('VAE', 'DCGAN')
  which.main(plan, only=only, workdir=str(tmp_path / 'runs'), **told)
  rows = json.loads(file.read_text())['built-in']['rows']
  assert rows['VAE'] == _row()
  assert rows['DCGAN']['failed'] == 'not made: no memory'
  with pytest.raises(core.UserError, match='pass another --workdir'):
    which.main(
      which.Plan(minutes=0.1, width=5), workdir=str(tmp_path / 'runs'), **told
    )


def test_a_command_ends_with_the_process_that_runs_it(tmp_path):
  marks = tmp_path / 'marks'
  child = f'import time\nopen({str(marks)!r}, "w").close()\ntime.sleep(60)'
  code = (
    'import pathlib; from tools.studies import timed_run; '
    f'log = pathlib.Path({str(tmp_path / "log")!r}); '
    f'timed_run.command(["-c", {child!r}], log)'
  )
  process = subprocess.Popen([sys.executable, '-c', code], cwd=_ROOT)
  while not marks.exists():
    time.sleep(0.05)
  process.terminate()
  assert process.wait(30) == STOPPED


def test_which_model_keeps_what_is_of_the_same_command(tool, tmp_path):
  which = tool('which_model')
  flags = argparse.Namespace(minutes=20, num=500, count=64, data='')
  flags.size, flags.width, flags.batch = 32, 16, 8
  assert which.kept('WGAN', tmp_path, flags) is None
  done = {'asked': which._request('WGAN', tmp_path, flags), 'found': {'kid': 1}}
  (tmp_path / which._DONE).write_text(json.dumps(done))
  assert which.kept('WGAN', tmp_path, flags) == {'kid': 1}
  flags.minutes = 60
  with pytest.raises(core.UserError, match='minutes=20.*minutes=60.*another'):
    which.kept('WGAN', tmp_path, flags)


def test_over_run_leaves_out_what_is_untrained(tool):
  probes = {1: 0.001, 100: 0.5, 400: 0.2, 1000: 0.6}
  assert tool('over_run').of_probe('diversity', probes) == (
    'diversity: lowest 0.2 at step 400, highest 0.6 at step 1000, last 0.6 at '
    'step 1000, 3 probes'
  )
