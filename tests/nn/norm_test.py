"""Normalisation layers against the definition, in float64 NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from art_jax.nn import norm, normalize


def _x(shape=(3, 5, 4, 2), seed=0):
  return np.random.default_rng(seed).normal(2.0, 3.0, shape).astype('float32')


def _standardise(x, axes):
  x = x.astype('float64')
  mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
  return (x - mean) / np.sqrt(var + 1e-5)


def test_instance_norm():
  x = _x()
  y, variables = norm.InstanceNorm().init_with_output(jax.random.key(0), x)
  assert not variables
  np.testing.assert_allclose(y, _standardise(x, (1, 2)), atol=1e-5)


def test_instance_norm_affine():
  x = _x()
  params = {'scale': jnp.array([2.0, -1.0]), 'bias': jnp.array([0.5, 1.0])}
  module = norm.InstanceNorm(affine=True)
  y = module.apply({'params': params}, x)
  expected = _standardise(x, (1, 2)) * [2.0, -1.0] + [0.5, 1.0]
  np.testing.assert_allclose(y, expected, atol=1e-5)
  shapes = jax.eval_shape(module.init, jax.random.key(0), x)
  assert jax.tree.map(lambda a: a.shape, shapes) == {
    'params': {'scale': (2,), 'bias': (2,)}
  }


@pytest.fixture(params=['two passes', 'one pass'])
def passes(request, monkeypatch):
  """The statistics as they are computed on a CPU and on an NVIDIA GPU."""
  if request.param == 'one pass':
    monkeypatch.setattr(normalize, '_two_passes', normalize._one_pass)


@pytest.mark.usefixtures('passes')
def test_variance_survives_a_large_mean():
  x = _x() + 10_000  # E[x^2] - E[x]^2 would be off by tens of percent
  y = norm.InstanceNorm().apply({}, x)
  np.testing.assert_allclose(y, _standardise(x, (1, 2)), atol=2e-2)


def test_bfloat16_takes_statistics_in_float32():
  x = jnp.asarray(_x(), 'bfloat16')
  y = norm.InstanceNorm(dtype='bfloat16').apply({}, x)
  assert y.dtype == jnp.bfloat16
  expected = _standardise(np.asarray(x, 'float32'), (1, 2))
  np.testing.assert_allclose(np.asarray(y, 'float32'), expected, atol=2e-2)


def test_batch_norm_trains_and_evaluates():
  x = _x()
  module = norm.BatchNorm(momentum=0.9)
  variables = module.init(jax.random.key(0), x, True)
  np.testing.assert_array_equal(variables['batch_stats']['var'], [1, 1])
  y, updated = module.apply(variables, x, True, mutable=['batch_stats'])
  np.testing.assert_allclose(y, _standardise(x, (0, 1, 2)), atol=1e-5)
  stats = updated['batch_stats']
  x64 = x.astype('float64')
  # PyTorch: momentum 0.1, unbiased variance in the running statistics.
  np.testing.assert_allclose(
    stats['mean'], 0.1 * x64.mean((0, 1, 2)), rtol=1e-5
  )
  np.testing.assert_allclose(
    stats['var'], 0.9 + 0.1 * x64.var((0, 1, 2), ddof=1), rtol=1e-5
  )
  y = module.apply({**variables, 'batch_stats': stats}, x)
  expected = (x - stats['mean']) / np.sqrt(stats['var'] + 1e-5)
  np.testing.assert_allclose(y, expected, atol=1e-5)


def test_batch_norm_scale_init():
  x = np.zeros((1, 1, 1, 2000), 'float32')
  variables = norm.BatchNorm(scale_std=0.02).init(jax.random.key(0), x)
  scale = variables['params']['scale']
  assert abs(float(scale.mean()) - 1) < 2e-3
  assert abs(float(scale.std()) - 0.02) < 2e-3


def _reference(x, scale, bias, groups):
  """The definition; jax derives its gradient."""
  batch, channels = x.shape[0], x.shape[-1]
  parts = x.reshape(
    batch, -1, groups or channels, channels // (groups or channels)
  )
  axes = (1, 3) if groups else (0, 1, 3)
  mean = jnp.mean(parts, axes, keepdims=True)
  var = jnp.mean(jnp.square(parts - mean), axes, keepdims=True)
  y = ((parts - mean) / jnp.sqrt(var + 1e-5)).reshape(x.shape)
  return y * scale[:, None, None] + bias[:, None, None]


@pytest.mark.usefixtures('passes')
def test_a_constant_channel_becomes_zero():
  x = np.full((2, 5, 4, 3), 12_345.5, 'float32')
  np.testing.assert_array_equal(norm.InstanceNorm().apply({}, x), 0)


@pytest.mark.slow
@pytest.mark.usefixtures('passes')
@pytest.mark.parametrize('rows', [1, 3])
@pytest.mark.parametrize(
  'groups', [6, 2, 1, 0], ids=['instance', 'group', 'layer', 'batch']
)
def test_written_gradients_are_the_derived_ones_twice(groups, rows):
  rng = np.random.default_rng(0)
  x = jnp.asarray(rng.normal(1, 2, (3, 5, 4, 6)), 'float32')
  scale = jnp.asarray(rng.normal(1, 0.5, (rows, 6)), 'float32')
  bias = jnp.asarray(rng.normal(size=(rows, 6)), 'float32')
  weight = jnp.asarray(rng.normal(size=x.shape), 'float32')

  def ours(*args):
    return norm.normalize(*args, 1e-5, groups)[0]

  def theirs(*args):
    return _reference(*args, groups)

  def everything(f):
    def loss(*args):
      return jnp.sum(jnp.sin(f(*args)) * weight)

    def penalty(*args):
      gradients = jax.grad(loss, (0, 1, 2))(*args)
      return sum(jnp.sum(jnp.square(g)) for g in gradients)

    args = (x, scale, bias)
    return (
      f(*args),
      jax.grad(loss, (0, 1, 2))(*args),
      jax.grad(penalty, (0, 1, 2))(*args),
    )

  got, expected = everything(ours), everything(theirs)
  for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
    scale_of = float(jnp.abs(b).max())
    np.testing.assert_allclose(a / scale_of, b / scale_of, atol=1e-5)


@pytest.mark.parametrize(
  'module, match',
  [
    (norm.GroupNorm(4), 'groups = 4: must divide 2'),
    (norm.InstanceNorm(eps=0.0), 'eps = 0.0'),
    (norm.BatchNorm(eps=-1.0), 'eps = -1.0'),
    (norm.BatchNorm(momentum=1.5), 'momentum = 1.5'),
    (norm.BatchNorm(scale_std=-1.0), 'scale_std = -1.0'),
  ],
)
def test_bad_fields(module, match):
  with pytest.raises(ValueError, match=match):
    module.init(jax.random.key(0), _x())


def test_unknown_norm():
  with pytest.raises(ValueError, match="norm = 'group'.*instance"):
    norm.apply_norm('group', _x(), True, dtype='float32', name='norm')
