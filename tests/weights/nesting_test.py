"""Networks below keys and wrappers, of old PyTorch, under any suffix."""

import itertools
import zlib

import h5py
import jax
import numpy as np
import pytest
import safetensors.numpy
from absl import logging

from art_jax.nn.dcgan import DCGANDiscriminator, DCGANGenerator
from art_jax.nn.patchgan import PatchGAN
from art_jax.nn.resnet_generator import ResnetGenerator
from art_jax.nn.transformer_net import TransformerNet
from art_jax.nn.unet import UNet
from art_jax.weights import families, files, nesting
from tools.robustness import torch_pickles as tp

_MODULES = {
  'resnet': ResnetGenerator(2, 1),
  'resnet_affine': ResnetGenerator(2, 1, norm='instance_affine'),
  'resnet_batch': ResnetGenerator(2, 1, norm='batch'),
  'unet': UNet(2, 5, dropout=0.0),
  'unet_instance': UNet(2, 5, norm='instance', dropout=0.0),
  'patch': PatchGAN(2, 3, 'batch'),
  'patch_instance': PatchGAN(2, 3, 'instance'),
  'pixel': PatchGAN(2, 0, 'batch'),
  'pixel_instance': PatchGAN(2, 0, 'instance_affine'),
  'style': TransformerNet((2, 3, 4), 1, (3, 2)),
  'generator': DCGANGenerator(32, 3, 2, latent_size=3),
  'discriminator': DCGANDiscriminator(2),
}


def _tensors(name, seed=0):
  module = _MODULES[name]
  sides = (1, 3) if name == 'generator' else (1, 64, 64, 3)
  shapes = jax.eval_shape(
    module.init, jax.random.key(0), np.zeros(sides, 'float32')
  )
  rng = np.random.default_rng(seed)
  variables = jax.tree.map(
    lambda s: rng.normal(size=s.shape).astype('f4'), shapes
  )
  return families.to_torch(module, variables)


_ALL = {name: _tensors(name) for name in _MODULES}


def _below(prefix, tensors):
  return {f'{prefix}{name}': value for name, value in tensors.items()}


def _same(tensors, expected):
  """Require the very network: module and every bit."""
  module, variables = families.from_torch(tensors)
  wanted, values = families.from_torch(expected)
  assert module == wanted
  jax.tree.map(np.testing.assert_array_equal, variables, values)


_PREFIXES = [
  '_orig_mod.',
  'module.',
  'module._orig_mod.',
  '_orig_mod.module.',
  'module.module.',
  *('model.', 'net.', 'netG.', 'generator.', 'G.', 'params.', 'params_ema.'),
  *('g_ema.', 'ema.', 'model_state_dict.', 'state_dict.', 'main.', 'in1.'),
  'state_dict.generator.module.',
  'checkpoint.ema_model._orig_mod.',
  'model.model.',
  'a.b.c.d.e.',
]


@pytest.mark.parametrize('name', _MODULES)
def test_every_network_is_found_below_every_prefix(name):
  for prefix in _PREFIXES:
    _same(_below(prefix, _ALL[name]), _ALL[name])


def test_wrappers_inside_a_network_are_no_names():
  tensors = {
    name.replace('res1.', 'res1._orig_mod.').replace(
      'conv2d', 'conv2d.module'
    ): x
    for name, x in _ALL['style'].items()
  }
  assert tensors.keys() != _ALL['style'].keys()
  _same(tensors, _ALL['style'])


@pytest.mark.parametrize(
  'beside',
  ['params', 'g', 'generator', 'state_dict.net', 'netG_A'],
)
@pytest.mark.parametrize(
  'key',
  ['params_ema', 'g_ema', 'ema', 'model_ema', 'ema_model.module', 'netEMA'],
)
def test_averaged_weights_are_preferred_and_told(key, beside, monkeypatch):
  said = []
  monkeypatch.setattr(
    logging, 'warning', lambda text, *args: said.append(text % args)
  )
  tensors = {
    **_below(f'{beside}.', _tensors('resnet', 1)),
    **_below(f'{key}.', _ALL['resnet']),
    **_below('optimizer.state.0.', {'exp_avg': np.ones(3, 'f4')}),
    'epoch': np.asarray(3),
  }
  _same(tensors, _ALL['resnet'])
  shown = key.removesuffix('.module')
  assert said[0] == (
    f"weights: '{shown}' of the file is used; beside it: '{beside}'"
  )


def test_words_that_hold_ema_are_not_averaged():
  keys = ['schema', 'cinema', 'remap', 'semantic', 'exp_avg', 'gemalt']
  assert not any(map(nesting.averaged, keys))


@pytest.mark.parametrize('judge', ['patch', 'pixel', 'discriminator'])
@pytest.mark.parametrize(
  'maker', ['resnet', 'unet', 'style', 'generator', 'resnet_batch']
)
def test_a_generator_is_preferred_to_a_discriminator(maker, judge):
  for keys in itertools.permutations(('netG', 'netD')):
    parts = {'netG': _ALL[maker], 'netD': _ALL[judge]}
    tensors = {}
    for key in keys:
      tensors |= _below(f'{key}.', parts[key])
    _same(tensors, _ALL[maker])


@pytest.mark.parametrize(
  'keys',
  [
    ('netG_A', 'netG_B'),
    ('G_A', 'G_B'),
    ('netG_A_ema', 'netG_B_ema'),
    ('models.ab', 'models.ba'),
  ],
)
def test_equally_good_networks_are_named(keys):
  tensors = {}
  for seed, key in enumerate(keys):
    tensors |= _below(f'{key}.', _tensors('resnet', seed))
  with pytest.raises(files.WeightsError) as error:
    families.from_torch(tensors)
  text = str(error.value)
  assert '\n' not in text and all(repr(key) in text for key in keys)
  assert 'torch.save' in text


@pytest.mark.parametrize('key', ['netG', 'g_ema'])
def test_a_damaged_best_network_is_not_replaced_by_another(key):
  damaged = {n: x * np.nan for n, x in _ALL['resnet'].items()}
  other = _ALL['patch'] if key == 'netG' else _ALL['resnet']
  tensors = _below(f'{key}.', damaged) | _below('other.', other)
  with pytest.raises(files.WeightsError, match='holds NaN'):
    families.from_torch(tensors)


_NORMS = {  # names of the norms' prefixes, and their channels' tensor
  'resnet': ['model.2.', 'model.5.', 'model.10.conv_block.2.'],
  'resnet_affine': ['model.2.', 'model.5.', 'model.10.conv_block.2.'],
  'unet_instance': ['model.model.1.model.6.'],
  'patch_instance': ['model.3.', 'model.6.'],
  'pixel_instance': ['net.3.'],
  'style': ['in1.', 'in2.', 'res1.in1.', 'res1.in2.', 'in4.', 'in5.'],
}


@pytest.mark.parametrize('wrapper', ['', 'module.', 'netG._orig_mod.'])
@pytest.mark.parametrize('name', _NORMS)
def test_statistics_of_instance_norms_are_ignored(name, wrapper):
  tensors = dict(_ALL[name])
  for prefix in _NORMS[name]:
    tensors[f'{prefix}running_mean'] = np.full(2, np.nan, 'f4')
    tensors[f'{prefix}running_var'] = np.full(2, 7, 'f4')
    tensors[f'{prefix}num_batches_tracked'] = np.asarray(5)
  _same(_below(wrapper, tensors), _ALL[name])


def test_statistics_elsewhere_are_unknown():
  for name in ('model.1.running_mean', 'model.40.running_var'):
    tensors = {**_ALL['resnet'], name: np.ones(2, 'f4')}
    with pytest.raises(files.WeightsError, match=f"unknown tensor '{name}'"):
      families.from_torch(tensors)


def _npz(path, tensors):
  with open(path, 'wb') as file:
    np.savez(file, **tensors)


def _h5(path, tensors):
  with h5py.File(path, 'w') as file:
    for name, value in tensors.items():
      file[name] = value


_CONTAINERS = {
  'safetensors': lambda p, t: p.write_bytes(safetensors.numpy.save(t)),
  'npz': _npz,
  'torch': lambda p, t: p.write_bytes(tp.state_dict(t)),
  'torch_old': lambda p, t: p.write_bytes(tp.state_dict(t, legacy=True)),
  'h5': _h5,
}
_SUFFIXES = ['.model', '.ckpt', '.bin', '.pt', '.pth.tar', '', '.pth']
_SUFFIXES += ['.safetensors', '.npz', '.h5', '.PTH', '.t7', '.weights']


@pytest.mark.parametrize('container', _CONTAINERS)
def test_the_content_tells_the_format(container, tmp_path):
  for suffix in _SUFFIXES:
    path = tmp_path / f'weights{suffix}'
    _CONTAINERS[container](path, _below('netG.', _ALL['style']))
    module, variables = families.load(path)
    assert module == _MODULES['style']
    wanted = families.from_torch(_ALL['style'])[1]
    jax.tree.map(np.testing.assert_array_equal, variables, wanted)


def test_onnx_by_content(tmp_path):
  onnx = pytest.importorskip('onnx')
  graph = onnx.helper.make_graph(
    [], 'g', [], [], [onnx.numpy_helper.from_array(np.ones(3, 'f4'), 'a')]
  )
  path = tmp_path / 'weights.bin'
  path.write_bytes(onnx.helper.make_model(graph).SerializeToString())
  assert files.read(path)['a'].tolist() == [1, 1, 1]


@pytest.mark.parametrize('suffix', ['', '.bin', '.ckpt', '.pth.tar'])
@pytest.mark.parametrize(
  'content',
  [
    b'',
    b'\x00',
    b'<!DOCTYPE html><html>',
    b'version https://git-lfs.github.com/spec/v1\noid sha256:0',
    b'\x1f\x8b\x08' + bytes(20),
    b'PK\x03\x04' + bytes(40),
    zlib.compress(b'x' * 99),
  ],
)
def test_other_content_is_refused_in_one_line(content, suffix, tmp_path):
  path = tmp_path / f'x{suffix}'
  path.write_bytes(content)
  with pytest.raises(files.WeightsError, match='no file of weights') as error:
    files.read(path)
  assert '\n' not in str(error.value)


@pytest.mark.parametrize('suffix', ['', '.bin', '.ckpt', '.safetensors'])
@pytest.mark.parametrize('write', [tp.archive, tp.stream])
def test_code_is_refused_under_every_suffix(suffix, write, tmp_path):
  path = tmp_path / f'x{suffix}'
  command = tp.text(f'touch {tmp_path}/owned')
  path.write_bytes(write(tp.call(tp.name('posix', 'system'), command), {}))
  with pytest.raises(files.WeightsError, match="the name 'posix.system'"):
    files.read(path)
  assert not (tmp_path / 'owned').exists()


def test_many_places_end_soon():
  """64 places are tried, whatever a file holds."""
  names = {f'{i}.model.1.weight': np.ones(1, 'f4') for i in range(5000)}
  with pytest.raises(files.WeightsError, match='has shape'):
    families.from_torch(names)
