"""Foreign weights: families, round trips, real files, one-line errors."""

import json
import os
import pathlib

import jax
import numpy as np
import pytest
from safetensors.numpy import save_file

from art_jax import core
from art_jax.inference import foreign
from art_jax.nn.dcgan import DCGANDiscriminator, DCGANGenerator
from art_jax.nn.norm import InstanceNorm
from art_jax.nn.patchgan import PatchGAN
from art_jax.nn.resnet_generator import ResnetGenerator
from art_jax.nn.unet import UNet
from art_jax.weights import families, files

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_FAMILY = [
  ResnetGenerator(4, 2),
  ResnetGenerator(3, 1, norm='instance_affine'),
  ResnetGenerator(2, 0, channels=1, norm='batch'),
  ResnetGenerator(4, 9, norm='batch', dropout=0.5),
  ResnetGenerator(4, 1, upsample='resize'),
  ResnetGenerator(4, 2, norm='instance_affine', upsample='resize', dropout=0.5),
  ResnetGenerator(4, 2, upsample='blur', downsample='blur'),
  ResnetGenerator(3, 1, norm='batch', upsample='blur', downsample='blur'),
  ResnetGenerator(2, 0, upsample='transpose', downsample='blur'),
]

# name: (the network, its input)
NETWORKS = {
  'dcgan_generator_64': (DCGANGenerator(64, width=4, latent_size=5), (2, 5)),
  'dcgan_generator_32': (DCGANGenerator(32, width=4, latent_size=5), (2, 5)),
  'dcgan_discriminator_64': (DCGANDiscriminator(4), (4, 64, 64, 3)),
  'unet_batch': (UNet(4, 5, dropout=0.0), (2, 32, 32, 3)),
  'unet_instance': (UNet(4, 5, 3, 'instance', 0.0), (1, 64, 64, 3)),
  'patchgan_batch': (PatchGAN(4, 3, 'batch'), (1, 32, 32, 6)),
  'patchgan_instance_4': (PatchGAN(4, 4), (1, 64, 64, 6)),
  'pixelgan_batch': (PatchGAN(4, 0, 'batch'), (1, 8, 8, 6)),
  'pixelgan_instance': (PatchGAN(4, 0), (1, 8, 8, 6)),
  'resnet': (ResnetGenerator(4, 1), (1, 16, 16, 3)),
}
# The standard deviation and three values of the output of the same network in
# PyTorch 2.13, printed by `python tests/weights_torch_test.py`.
_GOLDEN = {
  'dcgan_generator_64': (0.2813192, -0.04867411, 0.5868337, -0.1029385),
  'dcgan_generator_32': (0.5458189, -0.0803932, -0.7437418, -0.4648051),
  'dcgan_discriminator_64': (1.874595, -4.774691, -0.7983672, 0.07170945),
  'unet_batch': (0.802004, -0.8126225, -0.9999987, 0.9113353),
  'unet_instance': (0.6126704, -0.906338, -0.3026808, 0.5304802),
  'patchgan_batch': (0.3020032, 1.254101, 0.7381527, 1.307071),
  'patchgan_instance_4': (0.4870157, -1.532987, -1.883826, -1.903983),
  'pixelgan_batch': (0.2215883, -0.06578448, -0.1036904, 0.9319166),
  'pixelgan_instance': (0.3220131, -1.355684, -1.075839, 0.1023533),
  'resnet': (0.6124108, 0.3090129, -0.128339, -0.9171948),
}


def example(name):
  """Return the input of a network."""
  return np.random.RandomState(1).randn(*NETWORKS[name][1]).astype('f4')


def random_tensors(name):
  """Return weights under PyTorch's names, the same on every machine."""
  module, shape = NETWORKS[name]
  x = jax.ShapeDtypeStruct(shape, 'float32')
  shapes = jax.eval_shape(module.init, jax.random.key(0), x)
  zeros = jax.tree.map(lambda s: np.zeros(s.shape, 'f4'), shapes)
  rng, tensors = np.random.RandomState(0), families.to_torch(module, zeros)
  for key in sorted(tensors):
    shape = tensors[key].shape
    value = rng.randn(*shape) / np.sqrt(np.prod(shape[1:]))
    tensors[key] = (abs(value) if 'var' in key else value).astype('f4')
  return tensors


@pytest.mark.slow
@pytest.mark.parametrize('name', NETWORKS)
def test_outputs_equal_torch(name, tmp_path):
  tensors = random_tensors(name)
  save_file(tensors, tmp_path / 'x.safetensors')
  module, variables = families.load(tmp_path / 'x.safetensors')
  assert module == NETWORKS[name][0]
  y = np.asarray(jax.jit(module.apply)(variables, example(name))).reshape(-1)
  actual = [y.std(), *y[:: y.size // 3][:3]]
  np.testing.assert_allclose(actual, _GOLDEN[name], atol=1e-5)
  families.write(tmp_path / 'y.safetensors', module, variables)
  again = files.read(tmp_path / 'y.safetensors')
  assert again.keys() == tensors.keys()
  jax.tree.map(np.testing.assert_array_equal, again, tensors)
  with pytest.raises(core.UserError, match='y.safetensors exists'):
    families.write(tmp_path / 'y.safetensors', module, variables)


@pytest.mark.parametrize('name', ['unet_batch', 'resnet'])
def test_weights_translate(name, tmp_path):
  save_file(random_tensors(name), tmp_path / 'x.safetensors')
  loaded = foreign.load_weights(tmp_path / 'x.safetensors')
  picture = np.full((40, 33, 3), 128, np.uint8)
  assert loaded.translate(picture).shape == picture.shape


@pytest.mark.slow
def test_weights_of_a_gan(tmp_path):
  for name in ('dcgan_generator_32', 'dcgan_discriminator_64'):
    save_file(random_tensors(name), tmp_path / 'x.safetensors')
    loaded = foreign.load_weights(tmp_path / 'x.safetensors')
    with pytest.raises(core.UserError, match='does not translate'):
      loaded.translate(np.zeros((8, 8, 3), np.uint8))
    if 'generator' in name:
      images = loaded.algorithm.generate(loaded.params, example(name))
      assert images.shape == (2, 32, 32, 3)
    else:
      scores = loaded.algorithm.score(loaded.params, example(name))
      np.testing.assert_allclose(scores[0], _GOLDEN[name][1], atol=1e-5)


def test_weights_of_a_patchgan(tmp_path):
  save_file(random_tensors('patchgan_batch'), tmp_path / 'x.safetensors')
  with pytest.raises(core.UserError, match='x.safetensors.*holds a PatchGAN'):
    foreign.load_weights(tmp_path / 'x.safetensors')


_WRONG = {  # a network, a tensor, its new shape, the message
  'shape': ('unet_batch', 'model.model.3.bias', (5,), r'\[5\], expected \[3'),
  'rank': (
    'dcgan_generator_64',
    'main.3.weight',
    (5,),
    '4 convolutions|main.3',
  ),
  'missing': ('dcgan_generator_64', 'main.1.running_var', None, 'main.1.runn'),
  'unknown': ('patchgan_batch', 'model.20.weight', (1,), "unknown .*'model.20"),
  'count': ('dcgan_discriminator_64', 'main.50.weight', (1, 1, 4, 4), 'main'),
  'odd': (
    'unet_batch',
    'model.model.9.weight',
    (1, 1, 4, 4),
    '11 convolutions',
  ),
}


@pytest.mark.parametrize('case', _WRONG)
def test_networks_that_do_not_fit(case):
  name, tensor, shape, match = _WRONG[case]
  tensors = random_tensors(name)
  tensors.pop(tensor, None)
  if shape:
    tensors[tensor] = np.zeros(shape, 'f4')
  with pytest.raises(files.WeightsError, match=match) as error:
    families.from_torch(tensors)
  assert '\n' not in str(error.value)


@pytest.mark.parametrize(
  'module',
  [
    DCGANGenerator(32, 3, 4, 8),
    DCGANDiscriminator(4, 8),
    DCGANGenerator(128, 1),
  ],
)
def test_widths_that_stop_doubling(module):
  generator = isinstance(module, DCGANGenerator)
  x = np.zeros((1, 100) if generator else (1, 64, 64, 3), 'f4')
  shapes = jax.eval_shape(module.init, jax.random.key(0), x)
  variables = jax.tree.map(lambda s: np.ones(s.shape, 'f4'), shapes)
  again, _ = families.from_torch(families.to_torch(module, variables))
  assert again == module


@pytest.mark.parametrize(
  'module, match',
  [
    (ResnetGenerator(4, 1, halvings=1), 'halvings = 1'),
    (ResnetGenerator(4, 1, norm='none'), "norm = 'none'"),
    (UNet(norm='none'), "norm = 'none'"),
    (UNet(upsample='resize'), "upsample = 'resize'"),
    (PatchGAN(norm='none'), "norm = 'none'"),
    (DCGANGenerator(norm='none'), "norm = 'none'"),
    (DCGANGenerator(upsample='resize'), "upsample = 'resize'"),
    (InstanceNorm(), 'InstanceNorm has no foreign names'),
  ],
  ids=lambda x: type(x).__name__,
)
def test_networks_without_foreign_names(module, match):
  with pytest.raises(files.WeightsError, match=match):
    families.to_torch(module, {'params': {}})


def _variables(module, channels=3):
  x = jax.ShapeDtypeStruct((1, 16, 16, channels), 'float32')
  shapes = jax.eval_shape(module.init, jax.random.key(0), x)
  rng = np.random.default_rng(0)
  return jax.tree.map(lambda s: rng.normal(size=s.shape).astype('f4'), shapes)


def _tensors(module=_FAMILY[0]):
  return families.to_torch(module, _variables(module))


@pytest.mark.parametrize('suffix', ['.safetensors', '.npz'])
@pytest.mark.parametrize('module', _FAMILY, ids=lambda m: f'{m.norm}{m.blocks}')
def test_round_trip_infers_everything(module, suffix, tmp_path):
  variables = _variables(module)
  tensors = families.to_torch(module, variables)
  path = tmp_path / f'g{suffix}'
  if suffix == '.npz':
    np.savez(path, **tensors)
  else:
    save_file(tensors, path)
  loaded, again = families.load(path)
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
  _, variables = families.from_torch(tensors)
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
  loaded, _ = families.from_torch(tensors)
  assert loaded == module


def _without(name):
  return lambda t: {k: v for k, v in t.items() if k != name}


def _with(name, shape, fill=0.0):
  return lambda t: {**t, name: np.full(shape, fill, 'float32')}


@pytest.mark.parametrize(
  'change, match',
  [
    (
      _without('model.1.weight'),
      r'no known network .*model.1.bias \[4\].*model.1.weight: a ResNet',
    ),
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
    families.from_torch(change(_tensors()))
  assert '\n' not in str(e.value)


def test_file_errors(tmp_path):
  def fails(path, match, **kwargs):
    with pytest.raises(files.WeightsError, match=match):
      files.read(path, **kwargs)

  fails(tmp_path / 'a.safetensors', 'does not exist')
  unknown = tmp_path / 'a.bin'
  unknown.write_bytes(b'<!DOCTYPE html>')
  fails(unknown, 'a.bin. begins with .*DOCTYPE.*: that is no file of weights')
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
  with pytest.raises(files.WeightsError, match=r'g.npz.*tensors \(a \[3\]'):
    families.load(path)


def test_to_torch_wants_the_generators_own_variables():
  variables = _variables(ResnetGenerator(4, 1))
  with pytest.raises(files.WeightsError, match='missing variable .*block_1'):
    families.to_torch(ResnetGenerator(4, 2), variables)
  with pytest.raises(files.WeightsError, match='stem/kernel has shape'):
    families.to_torch(ResnetGenerator(8, 1), variables)


def _assets() -> pathlib.Path:
  folder = os.environ.get('ART_JAX_ASSETS', _ROOT.parent / 'shared' / 'assets')
  if not pathlib.Path(folder).is_dir():
    pytest.skip(f'no assets in {folder}; set ART_JAX_ASSETS to their folder')
  return pathlib.Path(folder)


def test_real_generator_reproduces_published_pixels():
  assets = _assets()
  image = pytest.importorskip('PIL.Image')
  name = 'cyclegan_resnet9_vintage_fp16'
  module, variables = families.load(
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
