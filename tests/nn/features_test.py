"""Feature networks and LPIPS: published values, every naming, errors."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from art_jax import core
from art_jax.metrics import lpips
from art_jax.nn import pooling
from art_jax.nn.squeezenet import SqueezeNet
from art_jax.nn.vgg import VGG
from art_jax.weights import catalogue, features


@functools.cache
def _shapes(module, layers=None):
  x = jax.ShapeDtypeStruct((1, 224, 224, 3), 'float32')
  init = functools.partial(module.init, layers=layers)
  return jax.eval_shape(init, jax.random.key(0), x)['params']


def _random(module):
  rng = np.random.default_rng(0)
  shapes = _shapes(module)
  return jax.tree.map(lambda s: rng.normal(size=s.shape).astype('f4'), shapes)


@pytest.mark.parametrize(
  'module, layers, count',
  [  # The papers' tables; torchvision's modules have the same numbers.
    (VGG(16), None, 14_714_688),
    (VGG(16), ('relu4_3',), 7_635_264),
    (VGG(19), None, 20_024_384),
    (VGG(19), ('relu5_1',), 12_944_960),
    (SqueezeNet('1.1'), None, 1_235_496),
    (SqueezeNet('1.0'), None, 1_248_424),
    (SqueezeNet('1.1'), ('features.12',), 722_496),
    (SqueezeNet('1.0'), ('features.12',), 735_424),
  ],
)
def test_parameter_counts(module, layers, count):
  leaves = jax.tree.leaves(_shapes(module, layers))
  assert sum(x.size for x in leaves) == count


@pytest.mark.parametrize(
  'module, shape, layers, message',
  [
    (VGG(), (8, 8, 3), ('relu9_9',), "'relu9_9' is not one.*conv1_1, relu1"),
    (VGG(), (8, 8, 3), None, 'too small: layer pool4'),
    (SqueezeNet(), (8, 8, 1), None, r'expected \[B, H, W, 3\]'),
  ],
)
def test_errors_name_layers(module, shape, layers, message):
  x = jax.ShapeDtypeStruct((1, *shape), 'float32')
  init = functools.partial(module.init, layers=layers)
  with pytest.raises(ValueError, match=message):
    jax.eval_shape(init, jax.random.key(0), x)


@pytest.mark.parametrize('size', [4, 5, 6])
@pytest.mark.parametrize('kind', ['max', 'average'])
def test_pooling(kind, size):
  x = np.random.default_rng(0).normal(size=(1, size, size, 1)).astype('f4')
  reduce = {'max': np.max, 'average': np.mean}[kind]
  for window, ceil in ((2, False), (3, True), (3, False)):
    over = size - window
    count = (-(-over // 2) if ceil else over // 2) + 1
    expected = [
      [
        reduce(x[0, 2 * i : 2 * i + window, 2 * j : 2 * j + window, 0])
        for j in range(count)
      ]
      for i in range(count)
    ]
    got = pooling.pool(jnp.asarray(x), window, kind, ceil)[0, ..., 0]
    np.testing.assert_allclose(got, expected, atol=1e-6)


# Naming --------------------------------------------------------------------


def _named(params, scheme):
  """Return the tensors of a VGG as another library would name them."""
  tensors, position = {}, 0
  ordered = sorted(params)
  for number, name in enumerate(ordered):
    if number and name[4] != ordered[number - 1][4]:
      position += 1  # torchvision counts pools
    kernel, bias = params[name]['kernel'], params[name]['bias']
    oihw = kernel.transpose(3, 2, 0, 1)
    block = name.replace('conv', 'block').replace('_', '_conv')
    if scheme == 'torchvision':
      tensors[f'features.{position}.weight'] = oihw
      tensors[f'features.{position}.bias'] = bias
    elif scheme == 'keras':
      tensors[f'{block}/{block}_W_1:0'] = (
        kernel[:, :, ::-1] if not number else (kernel)
      )
      tensors[f'{block}/{block}_b_1:0'] = bias
    elif scheme == 'keras3':
      tensors[f'{block}/{block}/kernel:0'] = (
        kernel[:, :, ::-1] if not number else kernel
      )
      tensors[f'{block}/{block}/bias:0'] = bias
    elif scheme == 'caffe':
      tensors[f'{name}.weight'] = oihw[:, ::-1] if not number else oihw
      tensors[f'{name}.bias'] = bias
    elif scheme == 'caffe_rgb':
      tensors[f'{name}_W'], tensors[f'{name}_b'] = kernel, bias
    elif scheme == 'onnx':
      tensors[f'vgg0_conv{number}_weight'] = oihw
      tensors[f'vgg0_conv{number}_bias'] = bias
    position += 2
  return tensors


@pytest.mark.parametrize('depth', [16, 19])
@pytest.mark.parametrize(
  'scheme', ['torchvision', 'keras', 'keras3', 'caffe', 'caffe_rgb', 'onnx']
)
def test_every_naming_of_vgg(scheme, depth):
  module = VGG(depth, width=2)
  params = _random(module)
  tensors = _named(params, scheme)
  got = features.convert(module, tensors)
  jax.tree.map(np.testing.assert_array_equal, got['params'], params)
  mean, std = got['constants']['mean'], got['constants']['std']
  if scheme in ('torchvision', 'onnx'):
    np.testing.assert_allclose((mean + 1) / 2, [0.485, 0.456, 0.406], atol=1e-7)
  else:  # RGB 0..255 minus caffe's mean
    pixels = (np.array([0.2, -0.5, 1], 'f4') - mean) / std
    expected = np.array([153, 63.75, 255]) - [123.68, 116.779, 103.939]
    np.testing.assert_allclose(pixels, expected, rtol=1e-5)


def test_torchvision_positions():
  # From torchvision's vgg16: its 13 convolutions.
  names = _named(_random(VGG(16, width=1)), 'torchvision')
  assert sorted(int(n.split('.')[1]) for n in names if 'weight' in n) == (
    [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
  )


def test_caffe_networks_published_for_pytorch_take_bgr():
  module = VGG(16, width=2)
  params = _random(module)
  tensors = _named(params, 'torchvision')
  got = features.convert(module, tensors, None, 'vgg16-00b39a1b.pth')
  kernel = got['params']['conv1_1']['kernel']
  expected = params['conv1_1']['kernel'][:, :, ::-1]
  np.testing.assert_array_equal(kernel, expected)
  np.testing.assert_allclose(got['constants']['std'], 1 / 127.5)


def test_only_the_layers_used_are_needed():
  module = VGG(16, width=2)
  tensors = _named(_random(module), 'torchvision')
  kept = {k: v for k, v in tensors.items() if int(k.split('.')[1]) <= 17}
  params = features.convert(module, kept, ('relu4_1', 'relu2_2'))['params']
  assert jax.tree.map(np.shape, params) == jax.tree.map(
    np.shape, _shapes(module, ('relu4_1', 'relu2_2'))
  )
  with pytest.raises(core.UserError, match='kernel of conv4_2 is missing'):
    features.convert(module, kept)


def test_errors_name_the_tensor():
  module = VGG(16, width=2)
  tensors = _named(_random(module), 'torchvision')
  wrong = {**tensors, 'features.2.weight': np.zeros((2, 2, 5, 5), 'f4')}
  with pytest.raises(core.UserError, match=r"'features.2.weight'.*\[2, 2, 5"):
    features.convert(module, wrong)
  bad = {**tensors, 'features.5.bias': np.full(4, np.nan, 'f4')}
  with pytest.raises(core.UserError, match="'features.5.bias' holds NaN"):
    features.convert(module, bad)
  with pytest.raises(core.UserError, match='like those of VGG-16.*Keras.*foo'):
    features.convert(module, {'foo': np.zeros(3)})


def test_absent_weights_say_three_ways(monkeypatch):
  monkeypatch.delenv('ART_JAX_ASSETS', raising=False)
  with pytest.raises(core.UserError) as error:
    catalogue.find('vgg19')
  for way in ('art_jax fetch vgg19', 'ART_JAX', 'algorithm.weights=FILE'):
    assert way in str(error.value).replace(str(catalogue.folder()), 'ART_JAX')
  with pytest.raises(core.UserError, match='does not exist'):
    catalogue.find('/nowhere/vgg.npz')


# Published values ----------------------------------------------------------


@pytest.fixture
def real(assets, monkeypatch):
  """Return (expected values, function that cuts a photo)."""
  monkeypatch.setenv('ART_JAX_ASSETS', str(assets))

  def crop(name, size):
    image = Image.open(assets / 'images/content' / name).convert('RGB')
    x = np.asarray(image)
    top, left = (x.shape[0] - size) // 2, (x.shape[1] - size) // 2
    cut = x[top : top + size, left : left + size]
    return (cut[None] / 127.5 - 1).astype('f4')

  expected = json.loads((assets / 'weights/expected_values.json').read_text())
  return expected, crop


@pytest.mark.slow
def test_vgg_activations(real):
  expected, crop = real
  module, values = VGG(16), expected['vgg16_conv_imagenet']
  layers = tuple(values['mean_activation'])
  found = module.apply(
    features.load(module, 'vgg16'), crop('chelsea.png', 224), layers
  )
  for name, mean in values['mean_activation'].items():
    np.testing.assert_allclose(found[name].mean(), mean, rtol=1e-5)
    maximum = values['max_activation'][name]
    np.testing.assert_allclose(found[name].max(), maximum, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize('file', ['torchvision_fp16', 'onnxzoo'])
def test_squeezenet_classifies(real, assets, file):
  expected, crop = real
  module = SqueezeNet()
  name = f'squeezenet1_1_{file}'
  path = assets / f'weights/classifiers/{name}.safetensors'
  variables = features.load(module, path)
  photos = list(expected[name])
  batch = np.concatenate([crop(photo, 224) for photo in photos])
  logits = np.asarray(module.apply(variables, batch, ('logits',))['logits'])
  for row, photo in zip(logits, photos, strict=True):
    top = np.argsort(-row)[:5]
    assert list(top) == expected[name][photo]['top5_class'], photo
    np.testing.assert_allclose(
      row[top], expected[name][photo]['top5_logit'], atol=1e-3
    )


@pytest.mark.slow
def test_lpips_published_example(real):
  # torchmetrics documents 0.1008 for LPIPS-squeeze of two uniform draws of
  # torch.manual_seed(123), whose generator is this one.
  expected, crop = real
  generator = np.random.MT19937()
  generator._legacy_seeding(123)
  bits = generator.random_raw(2 * 10 * 3 * 100 * 100) & (2**24 - 1)
  a, b = (bits / 2**23 - 1).reshape(2, 10, 3, 100, 100).transpose(0, 1, 3, 4, 2)
  metric = lpips.load('squeeze')
  assert round(float(metric(a, b).mean()), 4) == 0.1008
  values = expected['lpips_v0.1_squeeze']
  cat, cup = crop('chelsea.png', 128), crop('coffee.png', 128)
  np.testing.assert_allclose(
    metric(cat, cup)[0], values['chelsea_vs_coffee'], rtol=1e-4
  )
  np.testing.assert_allclose(
    metric(cat, cat + 0.1)[0],
    values['chelsea_vs_itself_plus_0.1'],
    rtol=1e-3,
  )
  assert float(metric(cat, cat)[0]) == 0


def test_lpips_of_vgg_loads(real):
  metric = lpips.load('vgg', trunk_weights='vgg16')
  assert [len(w) for w in metric.linear] == [64, 128, 256, 512, 512]
  with pytest.raises(core.UserError, match="'alex'.*squeeze, vgg"):
    lpips.load('alex')
  with pytest.raises(core.UserError, match='16x16.*32'):
    metric(np.zeros((1, 16, 16, 3)), np.zeros((1, 16, 16, 3)))
