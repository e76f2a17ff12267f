"""pix2pix: the U-Net's sizes, what D sees, every term, and that it learns."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.pix2pix import Pix2Pix, pair_of
from art_jax.config import experiments
from art_jax.nn.patchgan import PatchGAN
from art_jax.nn.unet import UNet


def _shapes(module, size, channels=3):
  x = jax.ShapeDtypeStruct((1, size, size, channels), 'float32')
  return jax.eval_shape(module.init, jax.random.key(0), x)


@pytest.mark.parametrize(
  'levels, size, count', [(8, 256, 54_413_955), (7, 128, 41_828_995)]
)
def test_published_parameter_counts(levels, size, count):
  params = _shapes(UNet(levels=levels), size)['params']
  assert sum(x.size for x in jax.tree.leaves(params)) == count


def test_tree_of_the_unet():
  params = _shapes(UNet(width=2, levels=4), 16)['params']
  names = 'down_0 down_1 down_1_norm down_2 down_2_norm down_3 up_0 up_0_norm '
  names += 'up_1 up_1_norm up_2 up_2_norm head'
  assert sorted(params) == sorted(names.split())
  # Next to the skip a decoder layer takes twice the channels.
  assert params['up_0']['kernel'].shape == (4, 4, 16, 8)
  assert params['up_1']['kernel'].shape == (4, 4, 16, 4)
  assert params['head']['kernel'].shape == (4, 4, 4, 3)


@pytest.mark.parametrize('upsample', ['resize', 'blur'])
def test_resized_doublings_have_kernels_of_3(upsample):
  module = UNet(width=2, levels=3, upsample=upsample)
  params = _shapes(module, 16)['params']
  kernels = [params[name]['kernel'].shape for name in ('up_0', 'up_1', 'head')]
  assert kernels == [(3, 3, 8, 4), (3, 3, 8, 2), (3, 3, 4, 3)]
  x = jax.ShapeDtypeStruct((1, 16, 24, 3), 'float32')
  made = jax.eval_shape(module.init_with_output, jax.random.key(0), x)[0]
  assert made.shape == (1, 16, 24, 3)


@pytest.mark.slow
def test_dropout_is_in_the_inner_blocks_and_needs_a_key():
  x = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)), 'f4')

  def outputs(module, *keys):
    variables = jax.jit(module.init)(jax.random.key(0), x)
    apply = jax.jit(module.apply, static_argnums=2, static_argnames='mutable')
    return [
      apply(
        variables,
        x,
        True,
        rngs={} if k is None else {'dropout': jax.random.key(k)},
        mutable=('batch_stats',),
      )[0]
      for k in keys
    ]

  noisy = UNet(width=4, levels=4)
  first, second, none, again = outputs(noisy, 0, 1, None, None)
  assert not np.array_equal(first, second)
  np.testing.assert_array_equal(none, again)
  first, second = outputs(UNet(width=4, levels=4, dropout_blocks=0), 0, 1)
  np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
  'fields, size, match',
  [
    ({}, 128, 'image height 128.*levels = 8.*multiple of 256'),
    ({'levels': 1}, 32, 'levels = 1'),
    ({'levels': 4, 'width': 0}, 32, 'width = 0'),
    ({'levels': 4, 'norm': 'group'}, 32, "norm = 'group'"),
    ({'levels': 4, 'dropout': 1.0}, 32, 'dropout = 1.0'),
    ({'levels': 4, 'upsample': 'shuffle'}, 32, "upsample = 'shuffle'"),
  ],
)
def test_bad_unet(fields, size, match):
  with pytest.raises(ValueError, match=match):
    _shapes(UNet(**fields), size)


class _Gain(nn.Module):
  """A generator of one number: tanh(gain * x)."""

  @nn.compact
  def __call__(self, x, train=False):
    return jnp.tanh(x * self.param('gain', lambda _: jnp.full((), 0.5)))


class _Mean(nn.Module):
  """A discriminator: the mean of every channel by its weight."""

  @nn.compact
  def __call__(self, x, train=False):
    weight = self.param('weight', lambda _: jnp.arange(1.0, 1 + x.shape[-1]))
    return x.mean((1, 2)) @ weight[:, None]


def _batch(rows=2, size=4):
  rng = np.random.default_rng(0)
  a, b = rng.uniform(-1, 1, (2, rows, size, size, 1)).astype('f4')
  return {'a': jnp.asarray(a), 'b': jnp.asarray(b)}


def _small(**fields):
  frozen = optim.SGD(learning_rate=1e-30)
  return Pix2Pix(
    **{
      'generator': _Gain(),
      'discriminator': _Mean(),
      'generator_optimizer': frozen,
      'discriminator_optimizer': frozen,
      **fields,
    }
  )


@pytest.mark.slow
@pytest.mark.parametrize('direction', ['ab', 'ba'])
@pytest.mark.parametrize('loss', ['bce', 'least_squares'])
def test_loss_terms_by_hand(direction, loss):
  algorithm, batch = _small(direction=direction, loss=loss), _batch()
  state = algorithm.init(jax.random.key(0), batch)
  _, metrics = algorithm.step(state, batch, jax.random.key(1))
  source, target = (np.asarray(batch[d], 'f8') for d in direction)
  fake = np.tanh(0.5 * source)

  def judge(x, y):  # weights 1 and 2: the input comes first
    return x.mean((1, 2, 3)) + 2 * y.mean((1, 2, 3))

  def score(logits, t):
    if loss == 'least_squares':
      return np.mean((logits - t) ** 2)
    p = 1 / (1 + np.exp(-logits))
    return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))

  real, made = judge(source, target), judge(source, fake)
  expected = {
    'loss/discriminator': 0.5 * (score(real, 1) + score(made, 0)),
    'loss/adversarial': score(made, 1),
    'loss/l1': np.mean(np.abs(fake - target)),
    'score/real': real.mean(),
    'score/fake': made.mean(),
  }
  expected['loss/generator'] = (
    expected['loss/adversarial'] + 100 * expected['loss/l1']
  )
  rest = {name.split('/')[0] for name in set(metrics) - set(expected)}
  assert set(expected) <= set(metrics) and rest <= {'verdict', 'probability'}
  for name, value in expected.items():
    np.testing.assert_allclose(metrics[name], value, rtol=1e-5, err_msg=name)


def test_discriminator_is_updated_first():
  sgd = optim.SGD(learning_rate=0.5)
  algorithm, batch = _small(discriminator_optimizer=sgd), _batch()
  state = algorithm.init(jax.random.key(0), batch)
  after, metrics = algorithm.step(state, batch, jax.random.key(1))
  weight = np.asarray(after.discriminator.params['b']['weight'])
  assert not np.allclose(weight, [1, 2], atol=1e-4)
  a = np.asarray(batch['a'])
  logits = [x.mean((1, 2, 3)) for x in (a, np.tanh(0.5 * a))]
  logits = weight[0] * logits[0] + weight[1] * logits[1]
  np.testing.assert_allclose(
    metrics['loss/adversarial'], np.mean(np.log1p(np.exp(-logits))), rtol=1e-5
  )


def test_pair_has_the_input_first():
  a, b = jnp.zeros((1, 2, 2, 3)), jnp.ones((1, 2, 2, 1))
  np.testing.assert_array_equal(pair_of(a, b)[0, 0, 0], [0, 0, 0, 1])


def _tiny(**fields):
  return Pix2Pix(
    generator=UNet(width=8, levels=4, **fields),
    discriminator=PatchGAN(width=8, layers=1, norm='batch'),
    generator_optimizer=optim.Adam(learning_rate=2e-3),
    discriminator_optimizer=optim.Adam(learning_rate=2e-4),
  )


@pytest.mark.slow
def test_translate_has_dropout_and_the_statistics_of_the_picture():
  algorithm, batch = _tiny(), _images(2)
  state = jax.jit(algorithm.init)(jax.random.key(0), batch)
  translate = jax.jit(algorithm.translate)
  params = algorithm.inference(state)
  first, other = (
    translate(params, batch['a'], key=jax.random.key(i)) for i in range(2)
  )
  assert not np.array_equal(first, other)
  # The running statistics play no part.
  wrong = jax.tree.map(lambda x: x + 7, params['ab']['batch_stats'])
  again = translate(
    {'ab': {**params['ab'], 'batch_stats': wrong}},
    batch['a'],
    key=jax.random.key(0),
  )
  np.testing.assert_array_equal(first, again)
  fixed = [translate(params, batch['a']) for _ in range(2)]
  np.testing.assert_array_equal(*fixed)
  alone = translate(params, batch['a'][1:])
  np.testing.assert_allclose(alone[0], fixed[0][1], atol=1e-5)


def _images(rows):
  """Return rectangles (a) and their negatives in other colours (b)."""
  rng = np.random.default_rng(0)
  a = -np.ones((rows, 16, 16, 3), np.float32)
  for image in a:
    y, x = rng.integers(0, 9, 2)
    image[y : y + 7, x : x + 7] = 1
  b = -a * np.float32([0.2, 0.5, 0.8])
  return {'a': jnp.asarray(a), 'b': jnp.asarray(b)}


@pytest.mark.slow
def test_it_learns():
  algorithm, batch = _tiny(dropout_blocks=1), _images(8)
  state = jax.jit(algorithm.init)(jax.random.key(0), batch)
  step = jax.jit(algorithm.step)
  for i in range(150):
    state, metrics = step(
      state, batch, jax.random.fold_in(jax.random.key(1), i)
    )
  # Nothing but black-and-white thinking: a itself is about 1.5 away.
  assert metrics['loss/l1'] < 0.1
  fake = jax.jit(algorithm.translate)(
    algorithm.inference(state), batch['a'], key=jax.random.key(2)
  )
  assert float(jnp.mean(jnp.abs(fake - batch['b']))) < 0.1


@pytest.mark.parametrize(
  'assignment, match',
  [
    ('algorithm.direction=ac', 'direction.*ab, ba'),
    ('algorithm.loss=hinge', 'loss.*bce, least_squares'),
    ('algorithm.l1_weight=-1', 'l1_weight=-1'),
  ],
)
def test_bad_fields(assignment, match):
  with pytest.raises(core.UserError, match=match):
    experiments.override(
      experiments.load('pix2pix_facades', tiny=True), [assignment]
    )


def test_capabilities():
  algorithm = Pix2Pix(direction='ba')
  assert isinstance(algorithm, core.Translator)
  assert algorithm.directions == ('ba',)
  assert algorithm.multiple == 256
  assert algorithm.aligned
