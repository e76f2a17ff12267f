"""FastGAN's generator and projected features, against PyTorch's numbers."""

import functools
import json
import pathlib
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from art_jax.nn import (
  depthwise,
  fastgan,
  lowering,
  projected,
  upsample_conv,
)
from art_jax.nn.efficientnet_lite import EfficientNetLite0

# Its origin is in it.
_GOLDEN = json.loads(
  pathlib.Path(__file__).with_name('projected_golden.json').read_text()
)
_LABELS = jnp.eye(2)[jnp.array([0, 1, 1])]


def numbers(path, shape):
  """Return the values of a parameter or an input: here and in PyTorch."""
  rng = np.random.default_rng(zlib.crc32(path.encode()))
  x = rng.normal(size=shape)
  leaf = path.rsplit('/', 1)[-1]
  if leaf == 'kernel':
    x = x / np.sqrt(np.prod(shape[:-1]))
  elif leaf == 'scale':
    x = 1 + 0.1 * x
  elif leaf in ('bias', 'weight'):
    x = 0.1 * x
  return x.astype(np.float32)


def _filled(module, *inputs):
  """Return the variables of a module with these numbers."""
  rngs = {'params': jax.random.key(0), 'dropout': jax.random.key(0)}
  shapes = jax.eval_shape(lambda: module.init(rngs, *inputs))
  flat = traverse_util.flatten_dict(dict(shapes))
  return traverse_util.unflatten_dict(
    {
      path: numbers('/'.join(path[1:]), leaf.shape)
      for path, leaf in flat.items()
    }
  )


def _feature_inputs():
  sides, channels = (32, 16, 8, 4), (4, 4, 8, 16)
  return [
    numbers(f'input/feature_{i}', (3, side, side, c))
    for i, (side, c) in enumerate(zip(sides, channels, strict=True))
  ]


def _tap_inputs():
  return [
    numbers(f'input/tap_{i}', (2, 8 >> i, 8 >> i, channels))
    for i, channels in enumerate((24, 40, 112, 320))
  ]


def _seen():
  return numbers('input/seen', (3, 64, 64, 3)), _feature_inputs()


def _latents():
  return (numbers('input/z', (3, 16)),)


_GENERATOR = fastgan.FastGANGenerator(size=64, width=4, latent_size=16)
_DISCRIMINATOR = projected.ProjectedDiscriminator(width=2, pixel_width=2)
_CASES = {
  'up': (
    fastgan.UpBlock(4),
    lambda: (numbers('input/up', (3, 4, 4, 6)),),
    (None, True),
  ),
  'excite': (
    fastgan.Excitation(4),
    lambda: (
      numbers('input/small', (2, 8, 8, 5)),
      numbers('input/large', (2, 16, 16, 4)),
    ),
    (),
  ),
  'noisy': (
    fastgan.NoisyUpBlock(4),
    lambda: (numbers('input/noisy', (2, 4, 4, 6)),),
    (None, True),
  ),
  'generator': (_GENERATOR, _latents, (None, True)),
  'generator_of_classes': (_GENERATOR, _latents, (_LABELS, True)),
  'taps': (
    EfficientNetLite0(),
    lambda: (numbers('input/picture', (1, 64, 64, 3)),),
    (True,),
  ),
  'projection': (projected.Projection(4), lambda: (_tap_inputs(),), ()),
  'discriminator': (_DISCRIMINATOR, _seen, (None, True)),
  'discriminator_of_classes': (_DISCRIMINATOR, _seen, (_LABELS, True)),
}


def _some(x):
  x = np.asarray(x).reshape(-1)
  return x[:: max(1, len(x) // 8)][:8], np.mean(np.square(x, dtype='f8'))


@pytest.mark.slow
@pytest.mark.parametrize('name', _CASES)
def test_outputs_and_gradients_are_those_of_pytorch(name, monkeypatch):
  module, inputs, rest = _CASES[name]
  inputs = inputs()
  variables = _filled(module, *inputs, *rest)
  if name == 'noisy':
    normal, noise = jax.random.normal, numbers('input/noise', (2, 8, 8, 1))

    def draw(key, shape, *rest):
      return noise if shape == noise.shape else normal(key, shape, *rest)

    monkeypatch.setattr(jax.random, 'normal', draw)

  @functools.partial(jax.value_and_grad, has_aux=True)
  def run(inputs):
    outputs, _ = module.apply(
      variables,
      *inputs,
      *rest,
      mutable=['spectral', 'batch_stats'],
      rngs={'dropout': jax.random.key(0)},
    )
    outputs = jax.tree.leaves(outputs)
    return sum(jnp.sum(jnp.sin(x)) for x in outputs), outputs

  (_, outputs), gradients = jax.jit(run)(inputs)
  wanted = _GOLDEN[name]
  for found, golden in (
    (outputs, wanted['outputs']),
    (jax.tree.leaves(gradients), wanted['gradients']),
  ):
    assert len(found) == len(golden)
    for x, y in zip(found, golden, strict=True):
      picked, square = _some(x)
      scale = np.sqrt(y['square'])
      np.testing.assert_allclose(
        picked, y['picked'], atol=1e-4 * max(scale, 1e-3)
      )
      np.testing.assert_allclose(square, y['square'], rtol=1e-4)


def _count(module, *inputs):
  params = jax.eval_shape(module.init, jax.random.key(0), *inputs)['params']
  return sum(x.size for x in jax.tree.leaves(params))


def _z(width=256):
  return jax.ShapeDtypeStruct((2, width), 'float32')


@pytest.mark.parametrize(
  'fields, count',
  [
    # The light ones: of the PyTorch modules; the full one: by hand.
    ({'size': 64}, 23_195_011),
    ({'size': 128}, 23_869_379),
    ({'size': 256}, 24_037_603),
    ({'size': 64, 'width': 12}, 2_095_179),
    ({'size': 64, 'light': False}, 23_195_011 + 5_016_068),
  ],
)
def test_parameter_counts(fields, count):
  assert _count(fastgan.FastGANGenerator(**fields), _z()) == count


@pytest.mark.parametrize('size', fastgan.SIZES)
def test_every_size_is_made(size):
  module = fastgan.FastGANGenerator(size=size, width=4, channels=1)
  made = jax.eval_shape(module.init_with_output, jax.random.key(0), _z())[0]
  assert made.shape == (2, size, size, 1) and made.dtype == np.float32


@pytest.mark.parametrize(
  'fields, match',
  [
    ({'size': 100}, 'size = 100: FastGAN makes 64, 128, 256, 512, 1024 px'),
    ({'size': 32}, 'size = 32'),
    ({'width': 0}, 'width = 0: must be >= 1'),
    ({'latent_size': 16}, r'expected \[B, 16\]'),
  ],
)
def test_a_network_that_cannot_be_made_is_refused(fields, match):
  module = fastgan.FastGANGenerator(**fields)
  with pytest.raises(ValueError, match=match):
    jax.eval_shape(module.init, jax.random.key(0), _z())


def test_noise_is_one_number_a_position_and_fixed_in_use():
  x = jnp.zeros((2, 8, 8, 5))
  variables = {'params': {'weight': jnp.float32(0.5)}}
  module = fastgan.Noise()
  used, again = (np.asarray(module.apply(variables, x)) for _ in range(2))
  drawn = module.apply(variables, x, True, rngs={'dropout': jax.random.key(1)})
  np.testing.assert_array_equal(used, again)
  np.testing.assert_array_equal(used[0], used[1])
  for made in (used, np.asarray(drawn)):
    assert np.ptp(made, axis=-1).max() == 0
    assert 0.3 < made.std() < 0.7
  assert not np.array_equal(drawn[0], drawn[1])


@pytest.mark.parametrize('project_size, logits', [(256, 25), (224, 16)])
def test_published_discriminators(project_size, logits):
  """Of 256 px as published; of 224 the last features are 7x7."""
  side = project_size // 2
  features = [
    jax.ShapeDtypeStruct((1, side >> i, side >> i, c), 'float32')
    for i, c in enumerate((64, 64, 128, 256))
  ]
  x = jax.ShapeDtypeStruct((1, 256, 256, 3), 'float32')
  module = projected.ProjectedDiscriminator()
  made, variables = jax.eval_shape(
    module.init_with_output, jax.random.key(0), x, features
  )
  assert [y.shape for y in made] == [(1, logits)] * 4
  plans = [
    [y[f'conv_{i}']['kernel'].shape[3] for i in range(len(y) // 2)]
    for y in variables['params'].values()
  ]
  assert plans == [[64, 128, 256, 512], [128, 256, 512], [256, 512], [512]]


@pytest.mark.parametrize(
  'shape, kernel, stride',
  [
    ((8, 8), 3, 2),
    ((9, 7), 5, 2),
    ((2, 1), 5, 1),
  ],
)
def test_depthwise_is_a_convolution_of_groups(shape, kernel, stride):
  x = numbers('input/x', (2, *shape, 4))
  w = numbers('kernel', (kernel, kernel, 1, 4))

  @jax.jit
  def run(x, w):
    def loss(x, w):
      return jnp.sum(jnp.sin(depthwise.depthwise(x, w, stride)))

    return jax.value_and_grad(loss, (0, 1))(x, w)

  found = run(x, w)
  with lowering.native_lowering():
    wanted = run(x, w)
  for a, b in zip(*map(jax.tree.leaves, (found, wanted)), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('reflect', [False, True])
def test_in_four_convolutions_is_enlarged_and_convolved(reflect):
  x, w = numbers('input/x', (2, 3, 4, 5)), numbers('kernel', (3, 3, 5, 6))

  @jax.jit
  def run(x, w):
    def loss(x, w):
      return jnp.sum(jnp.sin(upsample_conv.convolve(x, w, reflect)))

    return jax.value_and_grad(loss, (0, 1))(x, w)

  found = run(x, w)
  with lowering.native_lowering():
    wanted = run(x, w)
  for a, b in zip(*map(jax.tree.leaves, (found, wanted)), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
