"""Feature extractors: what is declared, and that each computes what it says."""

import hashlib
import json

import flax
import jax
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from art_jax import core
from art_jax.media import images as image_values
from art_jax.metrics import features, pixels32, pretrained, resize
from art_jax.nn import vgg
from art_jax.nn.inception import FIDInception
from art_jax.weights.files import WeightsError


def _pictures(*shape):
  return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def test_names():
  assert features.score_name('fid', 'inception-clean', 5000) == (
    'fid/inception-clean@5000'
  )
  with pytest.raises(core.UserError, match='vgg99.*one of pixels32'):
    features.get('vgg99')
  for name in features.NAMES:
    assert features.get(name).name == name


def test_pixels32_colours_are_averages():
  images = _pictures(2, 64, 96, 3)
  result = np.asarray(pixels32.features(images))
  assert result.shape == (2, features.get('pixels32').width)
  means = images.reshape(2, 32, 2, 32, 3, 3).mean(axis=(2, 4))
  np.testing.assert_allclose(result[:, :3072], means.reshape(2, -1), atol=1e-6)


@pytest.mark.parametrize('shape', [(1, 28, 28, 1), (1, 33, 50, 3)])
def test_pixels32_takes_any_size(shape):
  images = np.full(shape, 0.5, np.float32)
  result = np.asarray(pixels32.features(images))
  np.testing.assert_allclose(result[:, :3072], 0.5, atol=1e-6)
  np.testing.assert_allclose(result[:, 3072:], 0, atol=1e-6)


@pytest.mark.parametrize(
  'step, shares',
  [
    ((0, 1), {0: 1.0}),  # grows to the right: orientation 0
    ((1, 0), {4: 1.0}),  # downwards: pi / 2
    ((-1, 1), {6: 1.0}),  # -pi / 4 = 3 pi / 4
    # atan(1/2) = 0.46365 = 1.1807 bins of pi / 8
    ((1, 2), {1: 1 - 0.18070, 2: 0.18070}),
  ],
)
def test_pixels32_gradients_of_a_ramp(step, shares):
  rows, columns = np.mgrid[:16, :16]
  ramp = 0.01 * (step[0] * rows + step[1] * columns)
  images = np.repeat(ramp[None, ..., None], 3, axis=-1).astype(np.float32)
  result = np.asarray(pixels32.features(images))[:, 3072:].reshape(4, 4, 8)
  wanted = np.zeros(8)
  for bin_, share in shares.items():
    wanted[bin_] = pixels32.GRADIENT_WEIGHT * 0.01 * np.hypot(*step) * share
  np.testing.assert_allclose(result, np.tile(wanted, (4, 4, 1)), atol=1e-3)


def test_pixels32_rows_are_independent():
  images = _pictures(4, 20, 20, 3)
  together = jax.jit(pixels32.features)(images)
  alone = jax.jit(pixels32.features)(images[2:3])
  np.testing.assert_allclose(together[2:3], alone, atol=1e-5)


def _inception_tensors():
  """Return random weights under PyTorch's names, the same everywhere."""
  example = jax.numpy.zeros((1, 299, 299, 3))
  params = jax.eval_shape(FIDInception().init, jax.random.key(0), example)
  layers = flax.traverse_util.flatten_dict(params['params'], sep='.')
  shapes = {'fc.weight': (1008, 2048)}
  for name, leaf in layers.items():
    if name.endswith('kernel'):
      h, w, i, o = leaf.shape
      layer = name.removesuffix('.kernel')
      shapes[f'{layer}.conv.weight'] = (o, i, h, w)
      for part in ('weight', 'bias', 'running_mean', 'running_var'):
        shapes[f'{layer}.bn.{part}'] = (o,)
  return {name: _draw(name, shape) for name, shape in shapes.items()}


def _draw(name, shape):
  digest = hashlib.blake2b(name.encode(), digest_size=4).digest()
  rng = np.random.default_rng(int.from_bytes(digest, 'little'))
  if name.endswith('conv.weight'):
    value = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
  elif name.endswith(('bn.weight', 'running_var')):
    value = rng.uniform(0.5, 1.5, shape)
  else:
    value = rng.standard_normal(shape) * (0.02 if name == 'fc.weight' else 0.1)
  return value.astype(np.float32)


@pytest.fixture(scope='module')
def inception_file(tmp_path_factory):
  path = tmp_path_factory.mktemp('inception') / 'random.npz'
  np.savez(path, **_inception_tensors())
  return path


@pytest.mark.slow
def test_inception_is_that_of_pytorch_fid(inception_file):
  # pytorch-fid 0.3.0's InceptionV3([3]) in PyTorch 2.13 with these weights; for
  # 'clean', its blocks behind the resizer of clean-fid 0.1.35.
  wanted = {
    'inception': [
      [42.59535, 1.5621973, 7.4897046, 21.384647],
      [41.746635, 1.3511214, 7.1466246, 20.87541],
    ],
    'inception-clean': [
      [53.356674, 1.9214413, 9.212324, 26.13481],
      [52.63025, 1.5711741, 8.985191, 25.848886],
    ],
  }
  rng = np.random.default_rng(7)
  pictures = rng.integers(0, 256, (2, 40, 56, 3), dtype=np.uint8)
  pictures = image_values.from_uint8(pictures)
  for name, golden in wanted.items():
    extractor = features.get(name)
    params = extractor.load(inception_file)
    result = jax.jit(extractor.apply)(params, pictures)
    np.testing.assert_allclose(result[:, :4], golden, rtol=1e-5)
    assert result.shape == (2, extractor.width)
  assert extractor.logits(params, result).shape == (2, 1008)


def test_inception_refuses_a_classifiers_weights(inception_file, tmp_path):
  tensors = dict(np.load(inception_file))
  tensors['fc.weight'] = tensors['fc.weight'][:1000]
  np.savez(tmp_path / 'classifier.npz', **tensors)
  with pytest.raises(WeightsError, match=r"'fc.weight' has shape \(1000, 2048"):
    features.get('inception').load(tmp_path / 'classifier.npz')


@pytest.mark.parametrize(
  'name',
  ['inception', 'inception-clean', 'efficientnet-lite0', 'squeezenet', 'vgg16'],
)
def test_missing_weights_say_how_to_get_them(name, monkeypatch, tmp_path):
  monkeypatch.setenv('ART_JAX_HOME', str(tmp_path))
  monkeypatch.delenv('ART_JAX_ASSETS', raising=False)
  with pytest.raises(core.UserError, match='not here.*put|package'):
    features.get(name).load()


@pytest.mark.parametrize('shape', [(40, 56), (400, 333)])
def test_bicubic_is_that_of_pillow(shape):
  picture = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
  wanted = Image.fromarray(picture).resize((299, 299), Image.Resampling.BICUBIC)
  result = resize.bicubic(picture[None, ..., None], 299)[0, ..., 0]
  np.testing.assert_allclose(result, np.asarray(wanted), atol=1e-2)


def test_bilinear_is_that_of_pytorch():
  # torch.nn.functional.interpolate(x, (3, 3), mode='bilinear',
  # align_corners=False) of PyTorch 2.13: no antialiasing.
  picture = (np.arange(35, dtype=np.float32) ** 2).reshape(1, 5, 7, 1)
  wanted = [
    [20.111111, 39.333332, 69.888878],
    [215.33333, 289.0, 374.0],
    [704.55548, 832.66663, 972.11102],
  ]
  result = resize.bilinear(picture, 3)[0, ..., 0]
  np.testing.assert_allclose(result, wanted, rtol=1e-5)


def test_vgg16_is_the_mean_of_relu5_3(monkeypatch):
  # The same in NumPy and scipy, from the definition, with random weights.
  side, rng = 32, np.random.default_rng(0)
  network = vgg.VGG(16, width=2)
  monkeypatch.setattr(pretrained, '_VGG16', network)
  variables = network.init(jax.random.key(0), np.zeros((1, side, side, 3)))
  variables = jax.tree.map(
    lambda leaf: rng.normal(0, 0.4, leaf.shape).astype(np.float32),
    variables['params'],
  )
  constants = {'mean': np.zeros(3, np.float32), 'std': np.ones(3, np.float32)}
  params = {'params': variables, 'constants': constants}
  monkeypatch.setattr(pretrained.resize, 'bicubic', lambda x, side: x)
  picture = _pictures(1, side, side, 3)
  x = picture[0].astype(float)
  for name, _ in network.plan():
    if name == 'pool5':
      break
    if name.startswith('pool'):
      x = x.reshape(len(x) // 2, 2, len(x) // 2, 2, -1).max(axis=(1, 3))
      continue
    kernel, bias = variables[name]['kernel'], variables[name]['bias']
    x = np.stack(
      [
        sum(
          ndimage.correlate(x[..., i], kernel[..., i, o], mode='constant')
          for i in range(kernel.shape[2])
        )
        + bias[o]
        for o in range(kernel.shape[3])
      ],
      axis=-1,
    ).clip(0)
  result = features.get('vgg16').apply(params, picture)
  np.testing.assert_allclose(result[0], x.mean(axis=(0, 1)), rtol=1e-4)


@pytest.mark.slow
def test_efficientnet_classifies_as_published(assets, monkeypatch):
  # An independent PyTorch implementation on the same weights; see the file.
  monkeypatch.setenv('ART_JAX_ASSETS', str(assets))
  expected = json.loads((assets / 'weights/expected_values.json').read_text())
  extractor = features.get('efficientnet-lite0')
  params = extractor.load()
  for name in ('coffee.png', 'rocket.jpg'):
    picture = np.asarray(
      Image.open(assets / 'images/content' / name).convert('RGB')
    )
    top, left = ((side - 224) // 2 for side in picture.shape[:2])
    crop = picture[None, top : top + 224, left : left + 224]
    result = extractor.apply(params, image_values.from_uint8(crop))
    logits = np.asarray(extractor.logits(params, result))[0]
    wanted = expected['efficientnet_lite0_fp16'][name]
    np.testing.assert_allclose(
      logits[wanted['top5_class']], wanted['top5_logit'], atol=2e-3
    )
