"""Large pictures: tiles give what the whole picture gives."""

import dataclasses
import errno
import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from art_jax import core
from art_jax.algorithms.adain import AdaIN
from art_jax.algorithms.cyclegan import CycleGAN
from art_jax.algorithms.johnson import FastStyle
from art_jax.algorithms.pix2pix import Pix2Pix
from art_jax.config import experiments
from art_jax.devices import memory
from art_jax.inference import large, run, scratch, stages, tiles
from art_jax.media import images
from art_jax.nn import norm
from art_jax.nn.resnet_generator import ResnetGenerator
from art_jax.nn.transformer_net import TransformerNet
from art_jax.nn.unet import UNet

# Of a color, in 1/255: rounding differs between the two programs.
_ROUNDING = 0.02

_RESNET = ResnetGenerator(width=4, blocks=1)
_FAST = TransformerNet(down=(4, 4, 8), blocks=1, up=(4, 4))
_UNET = UNet(width=4, levels=4)


class _Global(nn.Module):
  """Subtracts what no norm computes: the mean color."""

  multiple = 4

  @nn.compact
  def __call__(self, x, train=False):
    return nn.tanh(
      x
      - x.mean((1, 2), keepdims=True)
      + self.param('bias', nn.initializers.zeros, (3,))
    )


def _resnet(**fields):
  return CycleGAN(generator=_RESNET.clone(**fields))


def _fast(**fields):
  return FastStyle(transformer=_FAST.clone(**fields))


TRANSLATORS = {
  'instance': _resnet(),
  'affine, resize': _resnet(norm='instance_affine', upsample='resize'),
  'layer, one halving': _resnet(norm='layer', halvings=1),
  'no halving': _resnet(halvings=0),
  'batch': _resnet(norm='batch'),
  'no norm': _resnet(norm='none'),
  'blur': _resnet(downsample='blur', upsample='blur'),
  'bfloat16': _resnet(dtype='bfloat16'),
  'fast': _fast(head='unit'),
  'fast, transpose, tanh': _fast(upsample='transpose', head='tanh'),
  'fast, styles': _fast(head='sigmoid', num_styles=2, use_bias=False),
  'unet': Pix2Pix(generator=_UNET),
  'unet, instance, no dropout': Pix2Pix(
    generator=_UNET.clone(norm='instance', dropout=0.0)
  ),
  'adain': experiments.load('adain', tiny=True).algorithm,
}


def _model(algorithm) -> run.Run:
  experiment = experiments.load('cyclegan', tiny=True)
  experiment = dataclasses.replace(experiment, algorithm=algorithm)
  params = jax.jit(functools.partial(_params, algorithm))(jax.random.key(0))
  params = jax.tree_util.tree_map_with_path(_lively, params)
  model = run.Run(experiment, params)
  if isinstance(algorithm, AdaIN):
    model = model.styled([_picture(64, 64)[None] / np.float32(127.5) - 1])
  return model


def _lively(path, x):
  """Scale a kernel so that a picture comes through many layers."""
  if path[-1].key != 'kernel':
    return x
  return x / x.std() * np.sqrt(2 / np.prod(x.shape[:3]))


def _params(algorithm, key):
  """Return random weights, as `inference` does."""
  image = jnp.zeros((1, 64, 64, 3))
  if isinstance(algorithm, AdaIN):
    batch = {'a': image, 'b': image}
    return algorithm.inference(algorithm.init(key, batch))
  if isinstance(algorithm, FastStyle):
    return algorithm.by_direction(algorithm.transformer.init(key, image))
  (direction, *_) = algorithm.directions
  return {direction: algorithm.generator.init(key, image)}


def _picture(height, width) -> np.ndarray:
  small = np.random.default_rng(0).integers(
    0, 256, (height // 4 + 1, width // 4 + 1, 3), np.uint8
  )
  return small.repeat(4, 0).repeat(4, 1)[:height, :width]


class _Looped(nn.Module):
  """Normalizes in a loop."""

  multiple = 4

  @nn.compact
  def __call__(self, x, train=False):
    bias = self.param('bias', nn.initializers.zeros, (3,))

    def body(_, y):
      one = jnp.ones((1, 3))
      return norm.normalize(y + bias, one, 0 * one, 1e-5, 3)[0]

    return jnp.tanh(jax.lax.fori_loop(0, 2, body, x))


@pytest.fixture
def small_tiles(monkeypatch):
  """Take every picture for a large one, and cut it into many tiles."""
  monkeypatch.setattr(large, '_SMALL', 0)
  monkeypatch.setattr(large, 'limit', lambda: 4)
  monkeypatch.setattr(tiles, '_LEAST', 64)
  monkeypatch.setattr(tiles, '_OVERLAP', 1 / 4)


@pytest.mark.slow
@pytest.mark.parametrize('name', TRANSLATORS)
def test_tiles_are_exact(name, small_tiles, monkeypatch):
  side = 280 if name == 'adain' else 141  # it sees 47 pixels at once
  model = _model(TRANSLATORS[name])
  picture = images.from_uint8(_picture(side, 203))
  counts, cut = [], tiles.tiles

  def counted(*args):
    counts.append(len([*cut(*args)]))
    return cut(*args)

  monkeypatch.setattr(tiles, 'tiles', counted)
  made = model.translate(picture)
  assert max(counts) >= 2
  monkeypatch.setattr(large, 'limit', lambda: 2**40)
  whole = model.translate(picture)
  assert made.shape == whole.shape and whole.std() > 0.01
  rounding = 2 if name == 'bfloat16' else _ROUNDING
  np.testing.assert_allclose(made, whole, atol=rounding / 127.5)


@pytest.mark.parametrize('network', [_Global(), _Looped()])
def test_a_network_that_sees_everything_is_refused(
  network, small_tiles, monkeypatch
):
  model = _model(CycleGAN(generator=network))
  monkeypatch.setattr(tiles, 'WIDE_TILE_BYTES', 1)
  # 12 bytes for each pixel, the size of the largest that works.
  monkeypatch.setattr(large, 'limit', lambda: 100_000)
  with pytest.raises(scratch.TooLargeError) as error:
    model.translate(_picture(160, 200))
  words = re.fullmatch(
    r'200x160 pixels need 0.0 GiB and 0.0 may be used: this network sees the '
    r'whole picture at once and cannot work in tiles; pass one of at most '
    r'(\d+)x\1 pixels',
    str(error.value),
  )
  assert words
  side = int(words[1])
  assert 20 < side < 160
  model.translate(_picture(side, side))


@pytest.mark.slow
def test_diffusion_is_refused_before_anything_is_computed(monkeypatch):
  experiment = experiments.load('diffusion_mnist', tiny=True)
  algorithm, size = experiment.algorithm, experiment.data.size
  batch = {'image': np.zeros((1, size, size, 1), np.float32)}
  batch['label'] = np.zeros(1, np.int32)
  params = jax.eval_shape(
    lambda key: algorithm.inference(algorithm.init(key, batch)),
    jax.random.key(0),
  )
  model = run.Run(experiment, params)
  monkeypatch.setattr(large, '_SMALL', 0)
  monkeypatch.setattr(large, '_PROBE', 32)
  monkeypatch.setattr(large, 'limit', lambda: 2**26)
  picture, hole = np.zeros((600, 800, 1), np.uint8), np.ones((600, 800), bool)
  match = '800x600 pixels need .* cannot work in tiles; pass one of at most'
  for act in (model.translate, lambda x: model.inpaint(x, hole)):
    with pytest.raises(scratch.TooLargeError, match=match):
      act(picture)


def test_values_are_kept_in_files_that_have_no_name(
  small_tiles, monkeypatch, tmp_path
):
  model, picture = _model(_fast(head='unit')), _picture(141, 203)
  in_memory = model.translate(picture)
  monkeypatch.setattr(scratch, '_IN_MEMORY', 0)
  made, kept = [], scratch.File

  class Watched(kept):
    def __init__(self, *args):
      super().__init__(*args)
      made.append(self)

  monkeypatch.setattr(scratch, 'File', Watched)
  in_files = model.translate(picture, scratch=tmp_path)
  np.testing.assert_array_equal(in_memory, in_files)
  assert made and all(file._file.closed for file in made)
  assert not list(tmp_path.iterdir())
  monkeypatch.setattr(scratch.os, 'statvfs', lambda _: _Full())
  with pytest.raises(
    scratch.TooLargeError, match='scratch files of .* and 0.0 GB are free'
  ):
    model.translate(picture, scratch=tmp_path)


class _Full:
  f_bavail, f_frsize = 10, 4096


def test_a_full_disk_is_a_storage_error(small_tiles, monkeypatch, tmp_path):
  def full(*_):
    raise OSError(errno.ENOSPC, 'No space left on device')

  model = _model(_fast())
  monkeypatch.setattr(scratch, '_IN_MEMORY', 0)
  monkeypatch.setattr(scratch.os, 'pwrite', full)
  with pytest.raises(core.StorageError, match='No space left.*make room'):
    model.translate(_picture(141, 203), scratch=tmp_path)


def test_a_stage_at_the_picture_is_cut_anywhere():
  """A mean [1, 1, 1, C] of a square window is no layer of a U-Net's bottom."""
  generator = UNet(width=2, levels=6, norm='instance')
  model = _model(Pix2Pix(generator=generator))

  def function(params, x):
    return model.algorithm.translate(params, x, key=jax.random.key(0))

  network = stages.trace(function, model.params, (128, 128, 3))
  cut = network.cuts[-1]
  equations, _ = network.between(
    [*network.constants, *cut.moments, *cut.alive], [network.output]
  )
  assert network.unit(equations, generator.multiple) == 2


def test_moments_of_parts_are_those_of_the_whole():
  random = np.random.default_rng(0)
  x = random.normal(1000, 0.1, (9000, 3))
  parts, total = np.split(x, [1, 10, 4000]), tiles.Moments()
  for part in parts:
    mean = part.mean(0)
    total.add(len(part), mean, np.square(part - mean).sum(0))
  mean, var = total.result()
  np.testing.assert_allclose(mean[0], x.mean(0), rtol=1e-6)
  np.testing.assert_allclose(var[0], x.var(0), rtol=1e-6)


@pytest.mark.parametrize('name', ['instance', 'unet', 'adain'])
def test_needs_are_those_of_the_compiled_program(name):
  model = _model(TRANSLATORS[name])
  direction = model.algorithm.directions[0]

  def function(params, x):
    return model.algorithm.translate(params, x, direction, key=None)

  shape = (1, 768, 1024, 3)
  image = jax.ShapeDtypeStruct(shape, 'float32')
  plan = memory.needs(jax.jit(function).lower(model.params, image).compile())
  actual = plan['temporaries'] + plan['outputs'] + 4 * np.prod(shape)
  needed = large.needs(function, model.params, shape, model.algorithm.multiple)
  assert 0.8 * actual < needed < 1.25 * actual


def test_several_pictures_that_fit_alone_are_translated_alone(monkeypatch):
  model, pictures = _model(_fast(head='unit')), np.stack([_picture(40, 60)] * 3)
  whole = model.translate(pictures)
  monkeypatch.setattr(large, 'fits', lambda f, p, shape, m: shape[0] == 1)
  np.testing.assert_allclose(model.translate(pictures), whole, atol=1)
