"""Foreign weights: families, round trips, real files, one-line errors."""

import json
import os
import pathlib

import jax
import numpy as np
import pytest
from safetensors.numpy import save_file

from art_jax.nn.resnet_generator import ResnetGenerator
from art_jax.weights import cyclegan, files

_ROOT = pathlib.Path(__file__).resolve().parent.parent
_FAMILY = [
  ResnetGenerator(4, 2),
  ResnetGenerator(3, 1, norm='instance_affine'),
  ResnetGenerator(2, 0, channels=1, norm='batch'),
  ResnetGenerator(4, 9, norm='batch', dropout=0.5),
  ResnetGenerator(4, 1, upsample='resize'),
  ResnetGenerator(4, 2, norm='instance_affine', upsample='resize', dropout=0.5),
]


def _variables(module, channels=3):
  x = jax.ShapeDtypeStruct((1, 16, 16, channels), 'float32')
  shapes = jax.eval_shape(module.init, jax.random.key(0), x)
  rng = np.random.default_rng(0)
  return jax.tree.map(lambda s: rng.normal(size=s.shape).astype('f4'), shapes)


def _tensors(module=_FAMILY[0]):
  return cyclegan.to_torch(module, _variables(module))


@pytest.mark.parametrize('suffix', ['.safetensors', '.npz'])
@pytest.mark.parametrize('module', _FAMILY, ids=lambda m: f'{m.norm}{m.blocks}')
def test_round_trip_infers_everything(module, suffix, tmp_path):
  variables = _variables(module)
  tensors = cyclegan.to_torch(module, variables)
  path = tmp_path / f'g{suffix}'
  if suffix == '.npz':
    np.savez(path, **tensors)
  else:
    save_file(tensors, path)
  loaded, again = cyclegan.load_generator(path)
  if not module.blocks:  # dropout lives in the blocks
    assert not loaded.dropout
  assert loaded == module
  jax.tree.map(np.testing.assert_array_equal, again, variables)


def test_upstream_names_of_nine_blocks():
  names = set(_tensors(ResnetGenerator(2, 9)))
  for name in (1, 4, 7, '10.conv_block.1', '18.conv_block.5', 19, 22, 26):
    assert {f'model.{name}.weight', f'model.{name}.bias'} <= names
  assert len(names) == 2 * 24


def test_layouts():
  tensors = _tensors()
  _, variables = cyclegan.from_torch(tensors)
  params = variables['params']
  stem = tensors['model.1.weight']  # [out, in, h, w]
  assert params['stem']['kernel'][1, 2, 0, 3] == stem[3, 0, 1, 2]
  up = tensors['model.12.weight']  # [in, out, h, w]
  assert params['up_0']['kernel'][1, 2, 5, 3] == up[5, 3, 1, 2]


def test_harmless_extras_are_accepted():
  module = ResnetGenerator(2, 1)
  tensors = {f'module.{k}': v for k, v in _tensors(module).items()}
  for n in ('running_mean', 'running_var', 'num_batches_tracked'):
    tensors[f'module.model.2.{n}'] = np.zeros(2, 'float32')
  loaded, _ = cyclegan.from_torch(tensors)
  assert loaded == module


def _without(name):
  return lambda t: {k: v for k, v in t.items() if k != name}


def _with(name, shape, fill=0.0):
  return lambda t: {**t, name: np.full(shape, fill, 'float32')}


@pytest.mark.parametrize(
  'change, match',
  [
    (_without('model.1.weight'), r"missing tensor 'model.1.weight'.*7, 7\]"),
    (_without('model.4.bias'), r"missing tensor 'model.4.bias'.*\[8\]"),
    (_without('model.19.weight'), "missing tensor 'model.19.weight'"),
    (
      _with('model.4.weight', (8, 5, 3, 3)),
      r"'model.4.weight' has shape \[8, 5, 3, 3\], expected \[8, 4, 3, 3\]",
    ),
    (
      _with('model.1.weight', (4, 3)),
      r"'model.1.weight' has shape \[4, 3\], expected \[width, channels",
    ),
    (
      _with('model.30.weight', (8, 4, 3, 3)),
      "unknown tensor 'model.30.weight'",
    ),
    (_with('features.0.weight', (8,)), "unknown tensor 'features.0.weight'"),
    (_with('model.4.bias', (8,), np.nan), "'model.4.bias' holds NaN"),
  ],
)
def test_errors_are_one_line(change, match):
  with pytest.raises(files.WeightsError, match=match) as e:
    cyclegan.from_torch(change(_tensors()))
  assert '\n' not in str(e.value)


def test_file_errors(tmp_path):
  def fails(path, match, **kwargs):
    with pytest.raises(files.WeightsError, match=match):
      files.read(path, **kwargs)

  fails(tmp_path / 'a.safetensors', 'does not exist')
  fails(tmp_path / 'a.bin', 'expected .safetensors or .npz or .pth')
  bad = tmp_path / 'bad.safetensors'
  bad.write_bytes(b'not a weights file')
  fails(bad, 'cannot read .*bad.safetensors')
  bad = tmp_path / 'bad.npz'
  bad.write_bytes(b'not a weights file')
  fails(bad, 'cannot read .*bad.npz')
  pickled = tmp_path / 'pickled.npz'
  np.savez(pickled, a=np.array([{}], dtype=object))
  fails(pickled, 'cannot read .*pickle')
  two = tmp_path / 'two.npz'
  np.savez_compressed(two, a=np.zeros(10_000), b=np.zeros(3))
  fails(two, 'holds 2 tensors', max_tensors=1)
  fails(two, 'more than 10', max_bytes=10)
  fails(two, 'unpacks to', max_bytes=2_000)
  assert files.read(two)['a'].dtype == np.float32


def test_load_names_the_file(tmp_path):
  path = tmp_path / 'g.npz'
  np.savez(path, a=np.zeros(3))
  with pytest.raises(files.WeightsError, match='g.npz.*missing tensor'):
    cyclegan.load_generator(path)


def test_to_torch_wants_the_generators_own_variables():
  variables = _variables(ResnetGenerator(4, 1))
  with pytest.raises(files.WeightsError, match='missing variable .*block_1'):
    cyclegan.to_torch(ResnetGenerator(4, 2), variables)
  with pytest.raises(files.WeightsError, match='stem/kernel has shape'):
    cyclegan.to_torch(ResnetGenerator(8, 1), variables)


def _assets() -> pathlib.Path:
  folder = os.environ.get('ART_JAX_ASSETS', _ROOT.parent / 'shared' / 'assets')
  if not pathlib.Path(folder).is_dir():
    pytest.skip(f'no assets in {folder}; set ART_JAX_ASSETS to their folder')
  return pathlib.Path(folder)


def test_real_generator_reproduces_published_pixels():
  assets = _assets()
  image = pytest.importorskip('PIL.Image')
  name = 'cyclegan_resnet9_vintage_fp16'
  module, variables = cyclegan.load_generator(
    assets / 'weights' / 'gan' / f'{name}.safetensors'
  )
  assert module == ResnetGenerator(norm='instance_affine')
  photo = assets / 'images' / 'content' / 'chelsea.png'
  x = np.asarray(image.open(photo).convert('RGB'))
  top, left = (x.shape[0] - 128) // 2, (x.shape[1] - 128) // 2
  x = x[None, top : top + 128, left : left + 128] / np.float32(127.5) - 1
  y = np.asarray(jax.jit(module.apply)(variables, x))
  expected = json.loads((assets / 'weights/expected_values.json').read_text())
  expected = expected[name]
  np.testing.assert_allclose(y[0, 64, 64], expected['pixel_y64_x64'], atol=1e-3)
  np.testing.assert_allclose(y.mean(), expected['mean'], atol=1e-3)
  np.testing.assert_allclose(y.std(), expected['std'], atol=1e-3)
