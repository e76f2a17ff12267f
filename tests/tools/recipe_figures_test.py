"""Figures of recipes, and the list of the pictures that are kept aside."""

import json
import pathlib

import numpy as np
import pytest

from art_jax import core
from art_jax.config import experiments
from art_jax.media import images
from art_jax.training import loop
from tools import command
from tools.studies import heldout_names, recipe_figures

_ROOT = pathlib.Path(__file__).parents[2]


def test_the_list_of_van_gogh_is_what_data_holds_out(assets):
  listed = _ROOT / 'docs' / 'results' / 'van_gogh_heldout.txt'
  folder = assets / 'datasets' / 'paintings' / 'van_gogh'
  names = heldout_names.names(str(folder), 0.1)
  assert listed.read_text().splitlines() == names


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """A run of 4 steps that keeps every second one."""
  root = tmp_path_factory.mktemp('recipe')
  for i in range(40):
    row = np.random.default_rng(i).integers(0, 256, (32, 32, 3), np.uint8)
    images.save_png(root / 'pictures' / f'{i}.png', row)
  experiment = experiments.load('dcgan_paintings', tiny=True)
  changes = [
    f"data.source=Folder('{root / 'pictures'}')",
    'data.heldout=0.3',
    'train.duration=4',
    'train.checkpoint_every=1',
    'train.keep_last=3',
    'train.keep_every=2',
    'train.on_alarm=off',
    'train.best_metric=none',
  ]
  loop.train(experiments.override(experiment, changes), root / 'run')
  return root / 'run'


@pytest.mark.slow
def test_figures_of_a_run_are_kept_and_continued(
  run, tmp_path, capsys, monkeypatch
):
  output = tmp_path / 'figures.json'
  monkeypatch.setattr(recipe_figures, 'last_quarter', lambda _: [2])
  arguments = [str(run), '--judges=pixels32', '--num=20', f'--output={output}']
  assert command.call(recipe_figures.main, arguments) == 0
  first = json.loads(output.read_text())['run']
  assert list(first['steps']) == ['2']
  monkeypatch.undo()  # the run is longer now: step 2 is no end of it
  assert command.call(recipe_figures.main, arguments) == 0
  entry = json.loads(output.read_text())['run']
  # 3 does not stay.
  assert entry['steps'].pop('2') == first['steps']['2']
  assert list(entry['steps']) == ['4']
  row = entry['steps']['4']
  low, high = row['kid_heldout/pixels32_interval']
  assert low < row['kid_heldout/pixels32'] < high
  assert row['copied'] == 0 and entry['alarms'] == []
  assert entry['summary']['copied'] == {
    'mean': 0,
    'deviation': 0,
    'checkpoints': 1,
  }
  capsys.readouterr()
  before = output.read_text()
  assert command.call(recipe_figures.main, arguments) == 0
  assert 'run 4 pixels32' not in capsys.readouterr().out
  assert output.read_text() == before
  event = {'alarm': 'duel', 'begins': True, 'since': 2, 'text': ''}
  ends = event | {'begins': False}
  lines = (json.dumps({'step': 3} | each) + '\n' for each in (event, ends))
  (run / 'alarms.jsonl').write_text(''.join(lines))
  assert recipe_figures.alarms(str(run)) == ['duel at step 3']
  arguments[2] = '--num=21'
  assert command.call(recipe_figures.main, arguments) == 2
  assert "figures of another run 'run'" in capsys.readouterr().err


@pytest.mark.slow
def test_bad_runs(run, tmp_path):
  with pytest.raises(core.UserError, match='no run.*config.txt'):
    recipe_figures.last_quarter(str(tmp_path))
  config = (run / 'config.txt').read_text()
  (tmp_path / 'config.txt').write_text(config)
  with pytest.raises(core.UserError, match='keep_every=2.*an eighth'):
    recipe_figures.last_quarter(str(tmp_path))


def test_summary_is_mean_and_deviation_of_checkpoints():
  rows = [{'kid': 1.0, 'kid_interval': (0, 2)}, {'kid': 3.0, 'copied': 0.5}]
  assert recipe_figures.summary(rows) == {
    'kid': {'mean': 2.0, 'deviation': np.std([1, 3], ddof=1), 'checkpoints': 2},
    'copied': {'mean': 0.5, 'deviation': 0.0, 'checkpoints': 1},
  }
