"""Sampling and the studies, on a model that is known in closed form."""

import dataclasses
import pathlib

import mirror
import numpy as np
import pytest
from command_line import run_main
from PIL import Image

from art_jax import core
from art_jax.inference.run import Run
from art_jax.losses.adversarial import Wasserstein
from art_jax.media import images, video
from art_jax.sampling import captions, generate, interpolate, labels, study

_NAMES = ('sea', 'face', 'rose', 'town', 'lines')
_HERE = pathlib.Path(__file__).parents[1]


def _run(**fields) -> Run:
  experiment = dataclasses.replace(
    mirror.experiment(), algorithm=mirror.Mirror(**fields)
  )
  names = _NAMES if fields.get('num_classes') else ()
  return Run(experiment, {}, 1, names)


def _study(run, name, **asked):
  module = study.find(run, name)
  return module.study(run, study.Request(**asked))


def _picture(path, seed=0):
  pixels = np.random.default_rng(seed).integers(40, 215, (8, 8, 3), np.uint8)
  Image.fromarray(pixels).save(path)
  return pixels


def test_sample_depends_on_seed_and_index_alone(monkeypatch):
  run = _run()
  many = run.sample(70, seed=3)
  assert many.shape == (70, 8, 8, 3) and many.dtype == np.uint8
  np.testing.assert_array_equal(run.sample(5, seed=3), many[:5])
  assert (run.sample(5, seed=4) != many[:5]).any()
  # In chunks of any length.
  monkeypatch.setattr(generate, '_PIXELS', 9 * 8**2)
  np.testing.assert_array_equal(run.sample(70, seed=3), many)
  floats = run.sample(70, seed=3, floats=True)
  assert floats.dtype == np.float32
  np.testing.assert_array_equal(images.to_uint8(floats), many)


def test_memory_is_bounded_by_chunks():
  run = _run()
  seen = []

  def spy(start, rows, part):
    seen.append((start, len(rows)))
    return rows

  rows = np.arange(150.0)
  joined = generate.in_chunks(run.experiment, spy, rows)
  np.testing.assert_array_equal(joined, rows)
  assert seen == [(0, 64), (64, 64), (128, 64)]
  for size, length in ((64, 64), (256, 64), (512, 16), (4096, 1)):
    data = dataclasses.replace(run.experiment.data, size=size)
    large = dataclasses.replace(run.experiment, data=data)
    assert generate.chunk_length(large) == length


def test_labels_by_name_and_number():
  run = _run(num_classes=5)
  by_name = run.sample(6, labels=['rose', 'sea'])
  np.testing.assert_array_equal(by_name, run.sample(6, labels=[2, 0]))
  np.testing.assert_array_equal(by_name, run.sample(6, labels=['2', '0']))
  np.testing.assert_array_equal(by_name, run.sample(6, labels=np.array([2, 0])))
  np.testing.assert_array_equal(by_name[0], run.sample(1, labels='rose')[0])
  np.testing.assert_array_equal(labels.deal([2, 0], 5), [2, 0, 2, 0, 2])
  for every in ('all', ['all']):
    assert labels.numbers(every, run.algorithm, _NAMES) == [0, 1, 2, 3, 4]
  # tanh(z + 2 / 4) by hand.
  z = generate.latents(run.algorithm, 0, 1)
  expected = np.tanh(z + 0.5).reshape(1, 8, 8, 3)
  made = run.sample(1, labels=2, floats=True)
  np.testing.assert_allclose(made, expected, atol=1e-6)


@pytest.mark.parametrize(
  'fields, arguments, said',
  [
    ({'num_classes': 5}, {}, 'pass labels, out of sea, face'),
    ({'num_classes': 5}, {'labels': 'dog'}, "'dog': there is no such class"),
    ({'num_classes': 5}, {'labels': 5}, '(or 0 to 4)'),
    ({'num_classes': 5}, {'labels': -1}, 'label -1'),
    ({'num_classes': 5}, {'labels': 1.5}, 'label 1.5: there is no such class'),
    ({'num_classes': 5}, {'labels': np.array([])}, 'pass labels, out of'),
    ({}, {'labels': 'sea'}, 'has no classes'),
    ({}, {'n': 0}, 'n=0'),
    ({}, {'seed': -1}, 'seed=-1'),
    ({}, {'seed': 2**32}, 'seed=4294967296'),  # jax takes it for seed 0
  ],
)
def test_sample_refuses(fields, arguments, said):
  with pytest.raises(core.UserError) as caught:
    _run(**fields).sample(**{'n': 2} | arguments)
  assert said in str(caught.value)


class Mute:
  """A model that can nothing."""


def test_models_that_cannot_are_told_what_they_can():
  run = Run(dataclasses.replace(mirror.experiment(), algorithm=Mute()), {})
  with pytest.raises(core.UserError, match='Mute makes no pictures'):
    run.sample(1)
  with pytest.raises(core.UserError, match='no generator.*can do none of them'):
    study.find(run, 'grid')
  with pytest.raises(core.UserError, match='no classes; it can do grid, pic'):
    study.find(_run(), 'classes')
  with pytest.raises(core.UserError, match='it is one of grid, .*can do grid'):
    study.find(_run(), 'gird')
  with pytest.raises(core.UserError, match='no pictures of its training'):
    study.find(_run(), 'timelapse')


def test_slerp_and_lerp_by_hand():
  a, b = np.array([1.0, 0.0]), np.array([0.0, 1.0])
  half = np.sqrt(0.5)
  np.testing.assert_allclose(interpolate.slerp(a, b, 0.5), [half, half])
  np.testing.assert_allclose(interpolate.lerp(a, b, 0.5), [0.5, 0.5])
  np.testing.assert_allclose(interpolate.slerp(a, 2 * a, 0.5), [1.5, 0])
  np.testing.assert_allclose(interpolate.slerp(a, -a, 0.25), [0.5, 0])
  for path in (interpolate.slerp, interpolate.lerp):
    np.testing.assert_allclose(path(a, b, 0), a, atol=1e-12)
    np.testing.assert_allclose(path(a, b, 1), b, atol=1e-12)


def test_the_walk_is_closed_and_even():
  keys = np.random.default_rng(0).normal(size=(3, 20, 9)).astype(np.float32)
  walk = interpolate.loop(keys, 30, interpolate.slerp)
  np.testing.assert_allclose(walk[[0, 10, 20]], keys, atol=1e-6)
  steps = np.linalg.norm((walk - np.roll(walk, 1, 0)).reshape(30, -1), axis=1)
  assert steps.max() < 1.5 * steps.min()  # from the last to the first too


@pytest.mark.parametrize('uniform, name', [(False, 'slerp'), (True, 'lerp')])
def test_interpolate_takes_the_path_of_the_prior(uniform, name):
  result = _study(_run(uniform=uniform), 'interpolate', num=3, frames=12)
  assert f'by {name}' in result.message
  film = result.films['interpolate']
  assert len(film.frames) == 12 and film.frames[0].shape[1] >= 256
  latents = result.arrays['latents']
  if uniform:
    assert 0 <= latents.min() and latents.max() <= 1
  np.testing.assert_array_equal(
    result.arrays['pictures'][0, 0], _run(uniform=uniform).sample(1)[0]
  )


def test_classes_share_their_latents():
  result = _study(_run(num_classes=5), 'classes', num=3)
  pictures = result.arrays['pictures']
  assert pictures.shape == (3, 5, 8, 8, 3)
  z = result.arrays['latents'].reshape(3, 1, 8, 8, 3)
  shift = (np.arange(5) / 4).reshape(1, 5, 1, 1, 1)
  expected = images.to_uint8(np.tanh(z + shift))
  assert np.abs(pictures.astype(int) - expected).max() <= 1
  assert result.pictures['classes'].shape[0] == 18 + 3 * 66 + 2
  only = _study(_run(num_classes=5), 'classes', num=3, labels=('town', '0'))
  np.testing.assert_array_equal(only.arrays['labels'], [3, 0])


def test_grid_deals_classes_in_columns():
  result = _study(_run(num_classes=5), 'grid', num=10, labels=('all',))
  np.testing.assert_array_equal(result.arrays['labels'], [0, 1, 2, 3, 4] * 2)
  assert result.pictures['grid'].shape == (2 * 10 + 2, 5 * 10 + 2, 3)
  with pytest.raises(core.UserError, match='--labels=all or.*sea, face'):
    _study(_run(num_classes=5), 'grid')


def test_top_orders_by_score_and_prints_probability(monkeypatch):
  printed = []
  band = captions.band

  def spy(text, *arguments):
    printed.append(text)
    return band(text, *arguments)

  monkeypatch.setattr(captions, 'band', spy)
  result = _study(_run(num_classes=2), 'top', num=2)
  scores = result.arrays['scores']
  assert scores.shape == (2, 64) and (np.diff(scores) <= 0).all()
  z = result.arrays['latents'][1, 0]  # class 1: a shift of 1 / 4
  np.testing.assert_allclose(np.tanh(z + 0.25).mean(), scores[1, 0], atol=1e-6)
  best = 1 / (1 + np.exp(-scores[0, 0]))
  assert f'{best:.3f}' in printed and 'sea best' in printed
  assert 'probability of being real' in result.message
  result = _study(_run(loss=Wasserstein()), 'top', num=2)
  assert 'score (Wasserstein knows no probability)' in result.message
  assert f'{result.arrays["scores"][0, 0]:.3g}' in printed


def test_reconstruct_of_files(tmp_path):
  for i in range(3):
    _picture(tmp_path / f'{i}.png', i)
  result = _study(_run(), 'reconstruct', input=tmp_path)
  # The mirror loses next to nothing: tanh(arctanh(0.999 x)).
  assert result.arrays['rmse'].max() < 0.2
  np.testing.assert_array_equal(
    result.arrays['originals'][1], np.asarray(Image.open(tmp_path / '1.png'))
  )
  assert result.pictures['reconstruct'].shape == (2 * 10 + 2, 3 * 10 + 2, 3)
  held_out = _study(_run(), 'reconstruct', num=4)
  assert len(held_out.arrays['originals']) >= 1


def test_a_picture_is_cut_as_those_held_out(tmp_path):
  run = _run()
  data = dataclasses.replace(run.experiment.data, load_size=12)
  experiment = dataclasses.replace(run.experiment, data=data)
  pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 3), np.uint8)
  Image.fromarray(pixels).save(tmp_path / 'a.png')
  result = _study(
    dataclasses.replace(run, experiment=experiment),
    'reconstruct',
    input=tmp_path,
  )
  (original,) = result.arrays['originals']
  np.testing.assert_array_equal(original, pixels[2:10, 2:10])  # the middle


@pytest.mark.parametrize('uniform', [False, True])
def test_invert_finds_the_latent(tmp_path, uniform):
  run = _run(num_classes=5, uniform=uniform)
  path = tmp_path / 'a.png'
  target = run.sample(1, labels='rose', seed=9)[0]
  images.save_png(path, target)
  result = _study(run, 'invert', input=path, labels=('rose',))
  assert result.arrays['rmse'][0] < 1.5
  assert result.arrays['starts_rmse'].shape == (1, 8)
  latents = result.arrays['latents']
  if uniform:
    assert 0 <= latents.min() and latents.max() <= 1
  found = np.tanh(latents + 0.5).reshape(8, 8, 3)
  assert np.abs(images.to_uint8(found) - target.astype(int)).mean() < 2


def test_titles_are_cut_to_their_width():
  assert captions.band('a very long title indeed', 30).shape == (18, 30, 3)
  assert captions.band('x', 30).min() < 128 < captions.band('', 30).min()
  grey = np.full((8, 30, 1), 7, np.uint8)
  titled = captions.titled('three', grey)  # of a digit, in its class
  assert titled.shape == (26, 30, 3) and (titled[18:] == 7).all()


_FILE = f'--experiment={_HERE / "mirror.py"}'


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
  folder = tmp_path_factory.mktemp('runs') / 'mirror'
  code, _, err = run_main(_FILE, f'--workdir={folder}')
  assert code == 0, err
  return folder


def _sample(run, study_name, output, *arguments):
  return run_main(
    *(_FILE, '--mode=sample', f'--run={run}', f'--study={study_name}'),
    *(f'--output={output}', *arguments),
  )


@pytest.mark.slow
def test_a_study_from_the_command_line(trained, tmp_path):
  code, out, err = _sample(
    *(trained, 'grid', tmp_path),
    *('--labels=portrait,1', '--num=4', '--seed=2', '--save_arrays'),
  )
  assert code == 0, err
  assert '4 samples of seed 2' in out
  assert sorted(p.name for p in tmp_path.iterdir()) == ['grid.npz', 'grid.png']
  with np.load(tmp_path / 'grid.npz') as arrays:
    # The built-in genres: landscape, portrait, flower, ...
    np.testing.assert_array_equal(arrays['labels'], [1, 1, 1, 1])
  before = (tmp_path / 'grid.png').read_bytes()
  code, _, err = _sample(trained, 'grid', tmp_path, '--labels=all')
  assert code == 2 and 'grid.npz exists' in err
  assert (tmp_path / 'grid.png').read_bytes() == before
  code, _, err = _sample(
    trained, 'grid', tmp_path, '--labels=all', '--overwrite'
  )
  assert code == 0 and (tmp_path / 'grid.png').read_bytes() != before


def test_timelapse_of_what_a_run_saved(trained, tmp_path):
  assert (trained / 'losses.png').exists()
  code, out, _ = _sample(trained, 'timelapse', tmp_path)
  assert code == 0 and 'samples: 4 of 4 saved pictures' in out
  frames = list(video.read(tmp_path / 'timelapse_samples.mp4'))
  assert len(frames) == 4 + 3  # the last stays for 1.5 s of 2 frames each
  # render: shades of step / 10.
  shades = [frame[60, 40, 0] for frame in frames[:4]]
  expected = [(step / 10 + 1) * 127.5 for step in (1, 2, 3, 4)]
  assert np.abs(np.array(shades) - expected).max() < 4
  assert (tmp_path / 'timelapse_samples.gif').exists()


@pytest.mark.parametrize(
  'arguments, said',
  [
    (['--study=grid'], 'needs --output'),
    (['--output=x'], 'sample needs --study=NAME, one of grid'),
    (['--study=grid', '--output=x'], '--labels=all or'),
    (['--study=grid', '--output=x', '--num=0'], '--num=0'),
    (['--study=timelapse', '--output=x', '--save_arrays'], 'no arrays'),
    (['--study=invert', '--output=x', '--labels=0', '--input=y'], '--input=y'),
  ],
)
def test_command_line_refuses(trained, tmp_path, monkeypatch, arguments, said):
  monkeypatch.chdir(tmp_path)
  code, _, err = run_main(
    _FILE, '--mode=sample', f'--run={trained}', *arguments
  )
  assert code == 2 and said in err
  assert not list(tmp_path.iterdir())
