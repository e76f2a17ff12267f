"""Runs that version 0.1.0 left are read, used and continued as it did.

tests/data/runs_0_1_0.tar.gz holds three run folders: a GAN, a CycleGAN and a
painting. runs_0_1_0.json tells how they were made and what 0.1.0 itself made of
them. Sums of floats differ a little between CPUs and versions of jax, so states
are compared by a few numbers of each part, not bit by bit.
"""

import collections
import functools
import json
import pathlib
import subprocess
import sys
import tarfile

import jax
import numpy as np
import pytest
from PIL import Image

from art_jax import core
from art_jax.config import experiments
from art_jax.data import paintings
from art_jax.devices import mesh
from art_jax.inference import run
from art_jax.report import collect, page
from art_jax.runs import restore
from art_jax.runs.folder import RunFolder
from art_jax.style_transfer import optimize
from art_jax.style_transfer.task import Task
from art_jax.training import loop

_DATA = pathlib.Path(__file__).resolve().parent.parent / 'data'
_SAVED, _MADE, _MOVED = 1e-5, 1e-4, 2e-3  # of the size of a part
_RESUMED = ('gan', 'cyclegan')


@functools.cache
def _recorded():
  return json.loads((_DATA / 'runs_0_1_0.json').read_text())


@pytest.fixture
def runs(tmp_path):
  """Return a folder with fresh copies of the runs."""
  with tarfile.open(_DATA / 'runs_0_1_0.tar.gz') as file:
    file.extractall(tmp_path, filter='data')
  return tmp_path


def digest(tree):
  """Return a few numbers of each part of a state, in any order of leaves.

  A part is what the fields of the state's classes lead to: a network's
  parameters, the first moments of its optimiser, ...

  Returns:
    By name of the part: [count, norm, mean, wave]; the wave is a sum with
    weights, which tells values at the wrong place.
  """
  parts = {}
  for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
    names = [str(key.name) for key in path if hasattr(key, 'name')]
    flat = np.asarray(leaf, np.float64).ravel()
    sums = flat.size, flat @ flat, flat.sum(), flat @ np.cos(range(flat.size))
    part = parts.setdefault('.'.join(names), np.zeros(4))
    part += sums
  return {
    name: [int(count), *_six(square**0.5, total / count, wave)]
    for name, (count, square, total, wave) in parts.items()
  }


def losses(folder, first):
  """Return the losses of metrics.jsonl from a step on."""
  lines = (folder / 'metrics.jsonl').read_text().splitlines()
  rows = [json.loads(line) for line in lines]
  return [
    {k: _six(v)[0] for k, v in row.items() if k.startswith(('step', 'loss/'))}
    for row in rows
    if row['step'] >= first
  ]


def continued(folder, steps=2):
  """Train so many steps more, and tell what they did."""
  before = restore.load_state(folder)
  experiment = RunFolder(folder, writable=False).read_config()
  last = experiment.train.duration
  longer = experiments.override(
    experiment, [f'train.duration={last + steps}', 'train.log_every=1']
  )
  loop.train(longer, folder, devices=mesh.make_devices(1))
  after = restore.load_state(folder)
  moved = jax.tree.map(
    lambda a, b: np.subtract(a, b, dtype=np.float64), after, before
  )
  return {
    'step': run.load(folder).step,
    'state': digest(after),
    'moved': digest(moved),
    'losses': losses(folder, last + 1),
  }


def drawn(folder, checkpoint='latest'):
  """Return numbers of some samples of a GAN."""
  model = run.load(folder, checkpoint)
  samples = model.sample(4, seed=1, floats=True)
  bytes_ = model.sample(4, seed=1)
  assert bytes_.dtype == np.uint8 and bytes_.shape == samples.shape
  assert np.abs((samples + 1) * 127.5 - bytes_).max() <= 0.51
  return {'step': model.step, 'pictures': digest(samples)['']}


def translated(folder):
  """Return numbers of a picture that a CycleGAN translates, both ways."""
  x, y = np.meshgrid(np.linspace(-1, 1, 24), np.linspace(-1, 1, 18))
  picture = np.stack([x, y, -x * y], axis=-1).astype(np.float32)
  model = run.load(folder)
  made = {d: model.translate(picture, d) for d in ('ab', 'ba')}
  assert all(output.shape == picture.shape for output in made.values())
  return {'step': model.step, **{d: digest(x)[''] for d, x in made.items()}}


def painted(folder):
  """Paint a painting anew as its settings say; return picture and losses."""
  experiment = RunFolder(folder, writable=False).read_config()
  task = Task(
    content=paintings.scene(1, photo=True), styles=(paintings.scene(2),)
  )
  rows = []

  def report(step, metrics, picture):
    del picture
    rows.append({'step': step, **{k: float(v) for k, v in metrics.items()}})

  return optimize.paint(experiment, task, report=report), rows


def _six(*values):
  return [float(f'{value:.6g}') for value in values]


def _assert_close(found, wanted, tolerance):
  """Compare what `digest` returned, relative to the size of each part."""
  assert found.keys() == wanted.keys()
  for name, (count, norm, mean, wave) in wanted.items():
    slack = tolerance * max(norm, 1e-12)
    assert found[name][0] == count, name
    assert found[name][1] == pytest.approx(norm, rel=0, abs=slack), name
    each = slack / max(count, 1) ** 0.5
    assert found[name][2] == pytest.approx(mean, rel=0, abs=each), name
    assert found[name][3] == pytest.approx(wave, rel=0, abs=slack), name


def _assert_rows(found, wanted, rel):
  assert [row['step'] for row in found] == [row['step'] for row in wanted]
  for row, other in zip(found, wanted, strict=True):
    for name, value in other.items():
      assert row[name] == pytest.approx(value, rel=rel, abs=1e-6), name


@pytest.mark.parametrize('name', _RESUMED)
def test_saved_state_is_read(runs, name):
  _assert_close(
    digest(restore.load_state(runs / name)), _recorded()[name]['saved'], _SAVED
  )


def test_gan_draws_what_it_drew(runs):
  for checkpoint in ('latest', 'best'):
    wanted = _recorded()['gan']['drawn'][checkpoint]
    found = drawn(runs / 'gan', checkpoint)
    assert found['step'] == wanted['step']
    _assert_close({'': found['pictures']}, {'': wanted['pictures']}, _MADE)


@pytest.mark.slow
@pytest.mark.process
def test_loading_imports_what_the_model_needs(runs):
  """Its networks, its config and its checkpoint: no data, no other model."""
  program = (
    'import sys, art_jax; art_jax.load(sys.argv[1])\n'
    'print(*(n for n in sys.modules if n.startswith("art_jax.")))'
  )
  result = subprocess.run(
    [sys.executable, '-c', program, str(runs / 'gan')],
    capture_output=True,
    text=True,
    check=True,
  )
  names = result.stdout.split()
  folders = collections.Counter(name.split('.')[1] for name in names)
  unused = 'procedural sampling metrics weights training monitoring'.split()
  assert not [n for n in names for word in unused if f'.{word}' in n]
  assert folders['data'] == 2  # the package and the source
  # Modules are counted; a package of art_jax holds a docstring and no code.
  packages = {f'art_jax.{name}' for name in folders}
  assert len(set(names) - packages) <= 40, names


def test_cyclegan_translates_as_it_did(runs):
  wanted = dict(_recorded()['cyclegan']['translated'])
  found = translated(runs / 'cyclegan')
  assert found.pop('step') == wanted.pop('step')
  _assert_close(found, wanted, _MADE)


@pytest.mark.slow
@pytest.mark.parametrize('name', _RESUMED)
def test_two_more_steps_are_the_same(runs, name):
  wanted = _recorded()[name]['continued']
  found = continued(runs / name)
  assert found['step'] == wanted['step']
  _assert_rows(found['losses'], wanted['losses'], 1e-3)
  _assert_close(found['state'], wanted['state'], _MADE)
  _assert_close(found['moved'], wanted['moved'], _MOVED)
  kept = RunFolder(runs / name, writable=False).checkpoints.iterdir()
  kept = sorted(int(path.name) for path in kept if path.name.isdecimal())
  # The best moment of the GAN, found by 0.1.0, stays beside the latest.
  assert kept == _recorded()[name]['kept'] + [wanted['step']]


@pytest.mark.slow
@pytest.mark.parametrize('name', [*_RESUMED, 'painting'])
def test_report_is_written(runs, name):
  found = collect.collect(runs / name)
  wanted = _recorded()[name]['report']
  assert found.status == 'finished' and found.step == wanted['step']
  assert {k: len(v) for k, v in found.pictures.items()} == wanted['pictures']
  # Another version wrote the run, which a report may note; no more than that.
  assert not [note for note in found.notes if 'art_jax 0.1.0' not in note]
  text = pathlib.Path(page.write(runs / name)).read_text()
  assert all(title in text for title in wanted['titles'])


def test_runs_are_compared(runs):
  folders = [runs / name for name in (*_RESUMED, 'painting')]
  text = page.compare(folders)
  assert all(str(folder.name) in text for folder in folders)


@pytest.mark.slow
def test_painting_is_painted_anew(runs):
  picture, rows = painted(runs / 'painting')
  _assert_rows(rows, losses(runs / 'painting', 1), 1e-2)
  last = max((runs / 'painting' / 'images' / 'painting').iterdir())
  old = np.asarray(Image.open(last), np.float64)[2:-2, 2:-2]  # without frame
  assert picture.shape == old.shape and np.abs(picture - old).mean() < 0.5


def test_painting_has_nothing_to_load(runs):
  with pytest.raises(core.UserError, match='no checkpoint in it'):
    run.load(runs / 'painting')
