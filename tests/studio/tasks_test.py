"""The tasks of the worker, on small models with random weights."""

import functools
import io
import shutil

import jax
import numpy as np
import pytest
from PIL import Image

from art_jax import core
from art_jax.algorithms.neural_neighbor import NNST
from art_jax.config import experiments, shapes
from art_jax.inference import run
from art_jax.nn.vgg import VGG
from art_jax.painter.settings import Painter
from art_jax.studio import (
  models,
  painting,
  pictures,
  seeds,
  stylizing,
  tasks,
)


@functools.cache
def _model(name, *changes) -> run.Run:
  experiment = experiments.override(experiments.load(name, tiny=True), changes)
  algorithm = experiment.algorithm
  zeros = jax.tree.map(
    lambda x: np.zeros(x.shape, x.dtype), shapes.batch_shapes(experiment)
  )
  state = jax.jit(algorithm.init)(jax.random.key(0), zeros)
  return run.Run(experiment, algorithm.inference(state), step=7)


@pytest.fixture
def use(monkeypatch):
  """Return a function that makes a model what every path holds."""
  monkeypatch.setattr(models, '_loaded', models.collections.OrderedDict())

  def use(*which):
    monkeypatch.setattr(models.runs, 'load', lambda *_: _model(*which))
    return _model(*which)

  return use


_VALUES = {'path': '/nowhere', 'checkpoint': 'latest', 'seed': 5, 'count': 2}


def _silent(text, *blobs):
  pass


def _pixels(png: bytes) -> np.ndarray:
  return np.asarray(Image.open(io.BytesIO(png)))


def _png(width=20, height=12) -> bytes:
  data = io.BytesIO()
  pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3))
  Image.fromarray(pixels.astype(np.uint8)).save(data, 'PNG')
  return data.getvalue()


def test_a_picture_depends_on_its_seed_alone(use):
  model = use('vae_mnist_mlp')
  told, made = seeds.sample(_VALUES, [], _silent)
  assert told['step'] == 7 and len(made) == 2
  _, (alone,) = seeds.sample({**_VALUES, 'seed': 6, 'count': 1}, [], _silent)
  assert made[1] == alone
  wanted = model.sample(1, seed=6)[0, ..., 0]
  np.testing.assert_array_equal(_pixels(alone), wanted)


def test_truncation_moves_seeds_to_the_middle(use):
  use('vae_mnist_mlp')
  values = {**_VALUES, 'truncation': 0.0}
  _, made = seeds.sample(values, [], _silent)
  assert made[0] == made[1]  # the middle itself


def test_a_walk_and_what_has_no_classes(use):
  use('vae_mnist_mlp')
  values = {**_VALUES, 'study': 'interpolate', 'frames': 4}
  told, made = tasks.show(values, [], _silent)
  names = ['interpolate.png', 'interpolate.gif', 'interpolate.mp4']
  assert told['files'] == names
  assert made[1].startswith(b'GIF8')
  _, pngs = seeds.sample(_VALUES, [], _silent)
  sheet = _pixels(made[0])
  for i, one in enumerate(map(_pixels, pngs)):  # the walk passes both
    side = len(one)
    cell = sheet[2 + i * (side + 2) :][:side, 2 : 2 + side, 0]
    np.testing.assert_allclose(cell.astype(int), one, atol=1)
  with pytest.raises(core.UserError, match='has no classes'):
    tasks.show({**values, 'study': 'classes'}, [], _silent)
  with pytest.raises(core.UserError, match='does not translate'):
    tasks.translate(values, [_png()], _silent)
  with pytest.raises(core.UserError, match='does not inpaint'):
    tasks.inpaint(values, [_png(), _png()], _silent)
  for field in ('num_steps', 'decoder', 'x=1,algorithm.y'):
    with pytest.raises(core.UserError, match='does not act'):
      seeds.sample({**values, 'fields': {field: 1}}, [], _silent)


@pytest.mark.slow
def test_a_translation_has_the_size_of_its_photo(use):
  use('cut_demo')
  told, (made,) = tasks.translate(
    {**_VALUES, 'direction': ''}, [_png()], _silent
  )
  assert (told['width'], told['height']) == (20, 12)
  assert _pixels(made).shape == (12, 20, 3)
  with pytest.raises(core.UserError, match='makes no pictures'):
    seeds.sample(_VALUES, [], _silent)
  with pytest.raises(core.UserError, match='direction'):
    tasks.translate({**_VALUES, 'direction': 'zz'}, [_png()], _silent)


def test_a_run_that_was_trained_anew_is_loaded_anew(use, tmp_path):
  model = use('dcgan_mnist')
  loads = []
  models.runs.load = lambda *_: loads.append(0) or model
  values = {**_VALUES, 'path': str(tmp_path)}
  for _ in range(2):
    newest = tmp_path / 'checkpoints' / '8'
    (newest / 'host').mkdir(parents=True)
    for _ in range(2):
      models.load(values)
    shutil.rmtree(newest.parent)
  assert len(loads) == 2


def test_an_upload_is_decoded_within_limits(monkeypatch):
  monkeypatch.setattr(models, 'MAX_PIXELS', 100)
  with pytest.raises(core.UserError, match='make it smaller'):
    models.opened(_png())
  with pytest.raises(core.UserError, match='not a picture'):
    models.opened(b'GIF is what this is not')


def test_a_drawing_is_painted_scale_by_scale(monkeypatch):
  small = Painter(
    size=64,
    steps=2,
    nnst=NNST(features=VGG(16, width=2, padding='reflect'), weights=''),
  )
  monkeypatch.setattr(painting, 'Painter', lambda **_: small)
  values = {**_VALUES, 'size': 64, 'quality': 'full', 'num_sources': 1}
  said = []
  told, (made,) = painting.paint(
    {**values, 'variation': 0},
    [_png(32, 24), _png(96, 72), _png(90, 80)],
    lambda text, *blobs: said.append((text, blobs)),
  )
  assert _pixels(made).shape == (48, 64, 3)
  assert (told['width'], told['height']) == (64, 48)
  previews = [blobs for _, blobs in said if blobs]
  assert len(previews) == len(small.sizes)
  assert told['sources'] in ('picture 1', 'picture 2')


@pytest.mark.slow
def test_only_the_covered_part_is_repainted(use):
  side = use('diffusion_paintings').experiment.data.size
  mask = np.zeros((side, side, 3), np.uint8)
  mask[: side // 2] = 255
  hole = pictures.png(mask)
  told, (made,) = tasks.inpaint(_VALUES, [_png(side, side), hole], _silent)
  before = _pixels(_png(side, side))
  np.testing.assert_array_equal(_pixels(made)[side // 2 :], before[side // 2 :])
  assert (_pixels(made)[: side // 2] != before[: side // 2]).any()
  assert told['width'] == side
  with pytest.raises(core.UserError, match='paint over'):
    empty = pictures.png(np.zeros_like(mask))
    tasks.inpaint(_VALUES, [_png(side, side), empty], _silent)


def test_a_gray_model_repaints_a_color_photo(use):
  side = use('diffusion_mnist').experiment.data.size
  mask = pictures.png(np.full((side, side, 3), 255, np.uint8))
  _, (made,) = tasks.inpaint(_VALUES, [_png(40, 30), mask], _silent)
  assert _pixels(made).shape == (side, side)


def test_a_photo_is_stylized_under_the_eyes_of_a_page(monkeypatch):
  tiny = experiments.load('style_transfer', tiny=True)
  monkeypatch.setattr(stylizing.experiments, 'load', lambda name: tiny)
  monkeypatch.setattr(stylizing, '_EVERY', 0)
  values = {
    **{'experiment': 'style_transfer', 'size': 64, 'steps': 3},
    **{'content': 2.0, 'seed': 0},
  }
  said = []
  told, (made,) = stylizing.stylize(
    values, [_png(48, 36), _png(40, 40)], lambda *all: said.append(all)
  )
  assert _pixels(made).shape == (48, 64, 3)
  assert (told['width'], told['height']) == (64, 48)
  assert [text for text, *blobs in said if blobs] == [
    f'part 1 of 1 (64 pixels), step {i} of 3' for i in (1, 2, 3)
  ]
  previews = [_pixels(blobs[0]) for _, *blobs in said if blobs]
  assert (previews[0] != previews[2]).any()
  scaled = experiments.override(tiny, ['algorithm.coarse_size=32'])
  monkeypatch.setattr(stylizing.experiments, 'load', lambda name: scaled)
  monkeypatch.setattr(stylizing, '_EVERY', 1000)
  said.clear()
  photo = _png(40, 40)
  values['steps'] = 2
  stylizing.stylize(values, [photo, photo], lambda *all: said.append(all))
  texts = [text for text, *_ in said[1:]]
  after = 'part 1 of 3 (32 pixels) is done; compiling part 2 of 3 (45 pixels)'
  assert after in texts
  assert texts[-1] == 'part 3 of 3 (64 pixels), step 2 of 2'
  with pytest.raises(core.UserError, match='both sides are at least'):
    stylizing.stylize(values, [_png(8, 8), _png(40, 40)], _silent)
