"""Spectral norm, minibatch standard deviation, projection, layer norm."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from art_jax.algorithms.gan import GAN
from art_jax.algorithms.stabilizers import Stabilizers
from art_jax.nn import conv, ladder
from art_jax.nn.cdcgan import CDCGANDiscriminator, CDCGANGenerator
from art_jax.nn.dcgan import DCGANDiscriminator, DCGANGenerator
from art_jax.nn.norm import GroupNorm


def _layer():
  module = conv.Conv(
    6, kernel_size=1, use_bias=False, gain=3.0, spectral_norm=True
  )
  # One row per input channel: the output is the normalised kernel itself.
  x = jnp.eye(5)[:, None, None, :]
  return module, x, module.init(jax.random.key(0), x)


def _kernel(variables):
  return np.asarray(variables['params']['kernel']).reshape(5, 6)


def test_the_kernel_is_divided_by_its_largest_singular_value():
  module, x, variables = _layer()
  w = _kernel(variables)
  sigma = np.linalg.svd(w, compute_uv=False)[0]
  np.testing.assert_allclose(
    module.apply(variables, x).reshape(5, 6), w / sigma, rtol=1e-4
  )


def test_its_gradient_is_that_of_the_quotient():
  module, x, variables = _layer()
  w, c = (
    _kernel(variables).astype('f8'),
    np.random.default_rng(0).normal(size=(5, 6)),
  )
  for _ in range(30):  # u converges
    _, updated = module.apply(variables, x, mutable=['spectral'])
    variables = {**variables, **updated}

  def loss(params):
    y = module.apply({**variables, 'params': params}, x)
    return jnp.sum(c * y.reshape(5, 6))

  found = jax.grad(loss)(variables['params'])['kernel'].reshape(5, 6)
  left, values, right = np.linalg.svd(w)
  sigma = values[0]
  # d sigma / dW = u v^T of the first singular vectors.
  expected = c / sigma - (c * w).sum() / sigma**2 * np.outer(
    left[:, 0], right[0]
  )
  np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_vector_moves_where_it_may_and_follows_the_kernel():
  module, x, variables = _layer()
  before = np.asarray(variables['spectral']['u'])
  assert np.linalg.norm(before) == pytest.approx(1, abs=1e-5)
  rng = np.random.default_rng(1)
  other = jnp.asarray(rng.normal(size=(1, 1, 5, 6)), 'f4')
  variables = {**variables, 'params': {'kernel': other}}
  module.apply(variables, x)
  for _ in range(40):
    y, updated = module.apply(variables, x, mutable=['spectral'])
    variables = {**variables, **updated}
  assert not np.allclose(before, variables['spectral']['u'], atol=1e-2)
  largest = np.linalg.svd(np.asarray(y).reshape(5, 6), compute_uv=False)[0]
  assert largest == pytest.approx(1, abs=1e-3)


def test_minibatch_std_by_hand():
  x = jnp.array([0.0, 1, 4, 5]).reshape(4, 1, 1, 1) * jnp.ones((4, 2, 2, 3))
  # Groups of two are rows (0, 2) and (1, 3), std 2 each; of four, sqrt(17)/2.
  for group, expected in (
    (2, 2.0),
    (4, np.sqrt(17) / 2),
    (3, 2.0),
    (9, 2.0615),
  ):
    y = ladder.minibatch_std(x, group)
    assert y.shape == (4, 2, 2, 4)
    np.testing.assert_allclose(y[..., 3], expected, rtol=1e-4)
    np.testing.assert_array_equal(y[..., :3], x)
  same = jax.grad(lambda x: ladder.minibatch_std(x, 2).sum())(jnp.ones_like(x))
  assert np.isfinite(same).all()
  assert ladder.minibatch_std(x, 0) is x
  with pytest.raises(ValueError, match='minibatch_std = -1'):
    ladder.minibatch_std(x, -1)


def test_layer_norm_by_numpy():
  x = 5 + 3 * jax.random.normal(jax.random.key(0), (2, 3, 3, 4))
  y, _ = GroupNorm().init_with_output(jax.random.key(0), x)
  x = np.asarray(x, 'f8')
  mean = x.mean((1, 2, 3), keepdims=True)
  expected = (x - mean) / np.sqrt(x.var((1, 2, 3), keepdims=True) + 1e-5)
  np.testing.assert_allclose(y, expected, atol=1e-5)


@pytest.mark.slow
def test_projection_is_an_inner_product_with_the_label():
  module = CDCGANDiscriminator(width=4, norm='none', conditioning='projection')
  x = jax.random.normal(jax.random.key(1), (2, 32, 32, 3))
  y = jnp.eye(3)[:2]
  variables = module.init(jax.random.key(0), x, y)
  assert 'conv_y' not in variables['params']
  plain = module.apply(variables, x, 0 * y)
  parts = [module.apply(variables, x, k * y) - plain for k in (1.0, -2.0)]
  np.testing.assert_allclose(parts[1], -2 * parts[0], rtol=1e-3, atol=1e-6)
  assert np.abs(parts[0]).min() > 0
  # Without a label it is the unconditional network.
  params = {k: v for k, v in variables['params'].items() if k != 'embed'}
  params['conv_0'] = params.pop('conv_x')
  other = DCGANDiscriminator(width=4, norm='none')
  np.testing.assert_allclose(
    other.apply({'params': params}, x), plain, rtol=1e-5
  )


def test_parameters_that_they_add():
  def count(module, *inputs):
    inputs = [jax.ShapeDtypeStruct(s, 'float32') for s in inputs]
    variables = jax.eval_shape(module.init, jax.random.key(0), *inputs)
    return sum(a.size for a in jax.tree.leaves(variables['params']))

  pictures = (2, 64, 64, 3)
  plain = 2_765_568
  assert count(DCGANDiscriminator(spectral_norm=True), pictures) == plain
  assert count(DCGANDiscriminator(minibatch_std=4), pictures) == plain + 16
  # No first layer of the label, a whole one of the picture: the DCGAN's, with
  # biases for 64 + 128 + 256 + 512 + 1; and 512 numbers for each of 10 classes.
  module = CDCGANDiscriminator(conditioning='projection')
  assert count(module, pictures, (2, 10)) == plain + 961 + 5120


def test_bad_conditioning():
  module = CDCGANDiscriminator(conditioning='concat')
  with pytest.raises(ValueError, match='planes, projection'):
    module.init(jax.random.key(0), jnp.zeros((1, 32, 32, 3)), jnp.ones((1, 2)))


@pytest.mark.slow
def test_they_compose_with_r1_augmentation_and_averages():
  gan = GAN(
    generator=CDCGANGenerator(size=32, width=4, latent_size=8),
    discriminator=CDCGANDiscriminator(
      width=4,
      norm='none',
      conditioning='projection',
      spectral_norm=True,
      minibatch_std=2,
    ),
    num_classes=2,
    stabilizers=Stabilizers(r1_weight=0.1, ema_decay=0.9, augment=('color',)),
  )
  batch = {
    'image': jax.random.uniform(jax.random.key(0), (4, 32, 32, 3)),
    'label': jnp.arange(4) % 2,
  }
  state = jax.jit(gan.init)(jax.random.key(0), batch)
  u = np.asarray(state.discriminator.collections['spectral']['head']['u'])
  after, metrics = jax.jit(gan.step)(state, batch, jax.random.key(1))
  for leaf in jax.tree.leaves((after, metrics)):
    assert np.isfinite(leaf).all()
  assert jax.tree.structure(after) == jax.tree.structure(state)
  moved = after.discriminator.collections['spectral']['head']['u']
  assert u.shape == (1,) and np.abs(np.asarray(moved)) == pytest.approx(1)


@pytest.mark.slow
def test_critic_of_a_generator_is_left_alone_by_its_update():
  """G's loss runs D in training mode, but its vectors are D's to move."""
  gan = GAN(
    generator=DCGANGenerator(size=32, width=2, latent_size=4),
    discriminator=DCGANDiscriminator(width=2, norm='none', spectral_norm=True),
  )
  images = jax.random.uniform(jax.random.key(0), (2, 32, 32, 3))
  state = jax.jit(gan.init)(jax.random.key(0), {'image': images})
  d = state.discriminator
  after, _ = jax.jit(gan.step)(state, {'image': images}, jax.random.key(1))
  variables = d.variables
  for _ in range(2):  # one iteration for real pictures, one for fakes
    _, updated = gan.discriminator.apply(
      variables, images, train=True, mutable=['spectral']
    )
    variables = {**variables, **updated}
  for x, y in zip(
    jax.tree.leaves(variables['spectral']),
    jax.tree.leaves(after.discriminator.collections),
    strict=True,
  ):
    np.testing.assert_allclose(x, y, atol=1e-5)
