"""The documented Python API: `import art_jax` and what it exports."""

import dataclasses
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import art_jax
from art_jax import core
from art_jax.data.sources import Builtin

_PACKAGE = pathlib.Path(art_jax.__file__).parent
_QUICK = {'train.duration': 2, 'data.source': Builtin('images', count=40)}
_FUNCTIONS = {'stylize', 'train', 'paint', 'open_studio'}
_PAINTED = {
  'algorithm.weights': '',
  'algorithm.style_layers': ('relu1_1',),
  'algorithm.style_weights': (1.0,),
}


def test_all_is_there_and_no_name_is_a_folder():
  names = set(art_jax.__all__)
  assert names <= set(dir(art_jax))
  for name in names:
    assert getattr(art_jax, name) is not None
  assert not names & {path.stem for path in _PACKAGE.iterdir()}
  types = names - {'Run', 'load', 'load_weights', *_FUNCTIONS}
  for name in types - {'__version__'}:
    assert getattr(art_jax, name) is getattr(core, name)
  with pytest.raises(AttributeError, match="no attribute 'lood'"):
    _ = art_jax.lood
  assert (_PACKAGE / 'py.typed').exists()
  for word in ('art_jax.train(', 'art_jax.load(', 'art_jax.stylize('):
    assert word in art_jax.__doc__


def test_a_checker_of_types_sees_what_is_exported():
  text = (_PACKAGE / '__init__.py').read_text()
  seen = text.partition('if TYPE_CHECKING:')[2].partition('__all__')[0]
  for name in set(art_jax.__all__) - _FUNCTIONS:
    assert f' {name}\n' in seen or f'{name},' in seen, name


@pytest.mark.process
def test_import_is_quick_and_leaves_jax_alone():
  program = (
    'import os, sys, time; begin = time.process_time(); import art_jax;'
    'print(time.process_time() - begin, os.environ.get("XLA_FLAGS", ""));'
    'assert not {"jax", "numpy", "absl"} & set(sys.modules), "imported"'
  )
  done = subprocess.run(
    [sys.executable, '-c', program],
    capture_output=True,
    text=True,
    check=True,
  )
  seconds, flags = done.stdout.split(maxsplit=1)
  assert float(seconds) < 0.3
  assert 'ynn_fusion' in flags


@pytest.mark.slow
def test_train_then_load_and_sample(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  run = art_jax.train('autoencoder', tiny=True, overrides=_QUICK, devices=1)
  assert isinstance(run, art_jax.Run)
  assert run.step == 2
  assert run.folder.name == 'autoencoder_tiny'
  again = art_jax.load('runs/autoencoder_tiny')
  np.testing.assert_array_equal(run.sample(2), again.sample(2))

  # The value itself, changed as values are, goes on with the same run.
  train = dataclasses.replace(run.experiment.train, duration=art_jax.Steps(3))
  experiment = dataclasses.replace(run.experiment, train=train)
  with pytest.raises(art_jax.UserError, match='pass workdir=FOLDER'):
    art_jax.train(experiment)
  with pytest.raises(art_jax.UserError, match='tiny=True'):
    art_jax.train(experiment, workdir='x', tiny=True)
  longer = art_jax.train(experiment, workdir=run.folder, devices=1)
  assert longer.step == 3


@pytest.mark.parametrize(
  'overrides, match',
  [
    ({'train.durration': 3}, 'it has: duration'),
    ({'train.duration': 'soon'}, 'not allowed'),
    ({'train.batch_size': object()}, 'train.batch_size: .*cannot be a config'),
    ({'train.batch_size': 2.5}, 'train.batch_size=2.5'),
  ],
)
def test_bad_overrides(overrides, match):
  with pytest.raises(art_jax.UserError, match=match):
    art_jax.train('autoencoder', tiny=True, overrides=overrides)


def test_data_by_a_path(tmp_path):
  with pytest.raises(art_jax.UserError, match='no such folder'):
    art_jax.train('autoencoder', tiny=True, data=tmp_path / 'gone')


@pytest.mark.slow
def test_stylize_takes_arrays_pictures_and_files(tmp_path):
  rng = np.random.default_rng(0)
  photo = rng.integers(0, 255, (40, 60, 3), np.uint8)
  painting = Image.fromarray(rng.integers(0, 255, (48, 48, 3), np.uint8))
  painting.save(tmp_path / 'painting.png')
  options = dict(
    experiment='style_transfer',
    tiny=True,
    size=48,
    steps=2,
    overrides=_PAINTED,
  )
  made = art_jax.stylize(photo, painting, **options)
  assert (made.shape, made.dtype) == ((32, 48, 3), np.uint8)
  same = art_jax.stylize(
    photo.astype(np.float32) / 127.5 - 1, tmp_path / 'painting.png', **options
  )
  np.testing.assert_array_equal(made, same)
  other = art_jax.stylize(photo, painting, seed=1, **options | {'steps': 1})
  assert not np.array_equal(made, other)


@pytest.mark.parametrize(
  'content, options, match',
  [
    ('gone.jpg', {}, '--content=gone.jpg: there is no such file'),
    (np.zeros((40, 40, 4), np.uint8), {}, r'content of shape \(40, 40, 4\)'),
    (np.zeros((8, 40, 3), np.uint8), {}, '--content: .* at least 32'),
    ('builtin', {'experiment': 'vae'}, 'VAE does not paint by optimi'),
    ('builtin', {'overrides': {'algorithm.x': 1}}, "no field 'x'"),
    ('builtin', {'masks': 'm.png'}, '--mask=m.png: there is no such file'),
  ],
)
def test_stylize_refuses(content, options, match):
  options = {'experiment': 'style_transfer', 'tiny': True, **options}
  with pytest.raises(art_jax.UserError, match=match):
    art_jax.stylize(content, np.zeros((40, 40, 3), np.uint8), **options)
