"""Autoencoder and VAE: published sizes, the ELBO, and that they learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.autoencoder import Autoencoder
from art_jax.algorithms.vae import VAE
from art_jax.config import experiments, shapes
from art_jax.nn.autoencoder import (
  ConvDecoder,
  ConvTrunk,
  DenseHead,
  MLPDecoder,
  MLPTrunk,
)


def _count(module, shape):
  x = jax.ShapeDtypeStruct(shape, 'float32')
  variables = jax.eval_shape(module.init, jax.random.key(0), x)
  return sum(a.size for a in jax.tree.leaves(variables['params']))


@pytest.mark.parametrize(
  'module, shape, count',
  [
    # DCGAN's discriminator of 2,765,568 without its last 4x4x512 kernel.
    (ConvTrunk(), (1, 64, 64, 3), 2_765_568 - 8_192),
    (ConvTrunk(), (1, 32, 32, 3), 663_296 - 4_096),
    (ConvTrunk(), (1, 128, 128, 3), 11_164_416 - 16_384),
    (DenseHead(ConvTrunk(), 256), (1, 64, 64, 3), 2_757_376 + 2_097_408),
    (ConvDecoder(), (1, 128), 3_806_080),
    (ConvDecoder(), (1, 100), 3_576_704),
    (ConvDecoder(size=32), (1, 100), 1_068_928),
    (ConvDecoder(size=128), (1, 100), 12_786_560),
    (ConvDecoder(channels=1), (1, 100), 3_574_656),
  ],
)
def test_published_parameter_counts(module, shape, count):
  assert _count(module, shape) == count


@pytest.mark.parametrize(
  'algorithm, picture, count',
  [
    (VAE(latent_size=128), (64, 64, 3), 8_660_864),
    (
      VAE(encoder=MLPTrunk(500), decoder=MLPDecoder(), latent_size=20),
      (28, 28, 1),
      815_824,
    ),
    (
      VAE(encoder=MLPTrunk(400), decoder=MLPDecoder(width=400), latent_size=20),
      (28, 28, 1),
      652_824,
    ),
  ],
)
def test_published_parameter_counts_in_all(algorithm, picture, count):
  image = jax.ShapeDtypeStruct((2, *picture), 'float32')
  state = jax.eval_shape(
    lambda k, x: algorithm.init(k, {'image': x}), jax.random.key(0), image
  )
  assert sum(a.size for a in jax.tree.leaves(state.model.params)) == count


@pytest.mark.parametrize(
  'module, shape, match',
  [
    (ConvTrunk(), (1, 48, 48, 3), 'size = 48.*64'),
    (ConvTrunk(), (1, 64, 32, 3), 'square'),
    (ConvTrunk(0), (1, 32, 32, 3), 'width = 0'),
    (ConvDecoder(size=150), (1, 8), 'size = 150.*128'),
    (ConvDecoder(channels=0), (1, 8), 'channels = 0'),
    (ConvDecoder(), (1, 1, 1, 8), 'expected .B, Z.'),
    (MLPTrunk(), (1, 784), 'expected .B, H, W, C.'),
    (MLPDecoder(size=0), (1, 8), 'size = 0'),
  ],
)
def test_bad_networks(module, shape, match):
  with pytest.raises(ValueError, match=match):
    _count(module, shape)


@pytest.mark.parametrize(
  'name, assignment, match',
  [
    ('vae', 'algorithm.likelihood=laplace', 'bernoulli, gaussian'),
    ('vae', 'algorithm.beta=-1', 'beta=-1'),
    ('vae', 'algorithm.sigma=0', 'sigma=0'),
    ('vae', 'algorithm.latent_size=0', 'latent_size=0'),
    ('autoencoder', 'algorithm.latent_size=0', 'latent_size=0'),
    ('autoencoder', 'algorithm.dropout=1', 'dropout=1'),
    ('vae', 'data.size=16', 'algorithm.decoder.size=16'),
    ('autoencoder', 'data.channels=1', 'algorithm.decoder.channels=1'),
    ('autoencoder', 'data.size=48', 'size = 48|decoder.size=48'),
  ],
)
def test_bad_fields(name, assignment, match):
  with pytest.raises(core.UserError, match=match):
    experiment = experiments.load(name, tiny=True)
    shapes.state_shapes(experiments.override(experiment, [assignment]))


_MLP = {
  'encoder': MLPTrunk(width=32),
  'decoder': MLPDecoder(size=8, width=32),
  'optimizer': optim.Adam(learning_rate=3e-3, b1=0.9),
}


def _bars(rows=64):
  """Return pictures with one bright row or column: 16 kinds."""
  rng = np.random.default_rng(0)
  images = -np.ones((rows, 8, 8, 1), np.float32)
  for image in images:
    index = rng.integers(8)
    image[(index,) if rng.integers(2) else (slice(None), index)] = 1
  return jnp.asarray(images)


def _train(algorithm, steps):
  batch = {'image': _bars()}
  state = algorithm.init(jax.random.key(0), batch)
  step = jax.jit(algorithm.step)
  for i in range(steps):
    state, metrics = step(
      state, batch, jax.random.fold_in(jax.random.key(1), i)
    )
  return algorithm.inference(state), metrics, batch['image']


@pytest.mark.slow
def test_autoencoder_learns():
  algorithm = Autoencoder(**_MLP, latent_size=8, dropout=0.0)
  params, metrics, images = _train(algorithm, 400)
  # The mean picture alone leaves 4 * 1/8 * 7/8 = 0.44.
  assert metrics['loss/reconstruction'] < 0.05
  codes = algorithm.encode(params, images)
  assert codes.shape == (64, 8)
  assert 0 <= float(codes.min()) and float(codes.max()) <= 1
  error = jnp.mean(jnp.square(algorithm.generate(params, codes) - images))
  np.testing.assert_allclose(error, metrics['loss/reconstruction'], atol=5e-3)
  latents = algorithm.latents(jax.random.key(2), 1000)
  assert latents.shape == (1000, 8)
  assert 0 <= float(latents.min()) and float(latents.max()) <= 1
  assert abs(float(latents.mean()) - 0.5) < 0.02


@pytest.mark.slow
def test_vae_learns():
  algorithm = VAE(**_MLP, latent_size=4, likelihood='bernoulli')
  params, metrics, images = _train(algorithm, 600)
  # Independent pixels need 64 H(1/8) = 24.1 nats, the 16 kinds log 16 = 2.8.
  assert metrics['loss/negative_elbo'] < 15
  assert metrics['latent/active'] >= 2
  np.testing.assert_allclose(
    metrics['loss/negative_elbo'],
    metrics['loss/reconstruction'] + metrics['loss/kl'],
    rtol=1e-5,
  )
  elbo = algorithm.elbo(params, images, key=jax.random.key(3))
  assert elbo.shape == (64,)
  assert abs(float(elbo.mean()) + float(metrics['loss/negative_elbo'])) < 3


def test_vae_gaussian_learns_and_beta_presses_the_kl():
  fields = {**_MLP, 'latent_size': 4, 'likelihood': 'gaussian', 'sigma': 0.5}
  _, metrics, _ = _train(VAE(**fields), 300)
  _, pressed, _ = _train(VAE(**fields, beta=10.0), 300)
  assert metrics['loss/kl'] > 2 * pressed['loss/kl']
  assert metrics['loss/reconstruction'] < pressed['loss/reconstruction']
  np.testing.assert_allclose(
    pressed['loss/total'],
    pressed['loss/reconstruction'] + 10 * pressed['loss/kl'],
    rtol=1e-5,
  )


def test_vae_images_are_the_mean_of_the_likelihood():
  z = jnp.ones((2, 3))
  for likelihood in ('bernoulli', 'gaussian'):
    algorithm = VAE(**_MLP, latent_size=3, likelihood=likelihood)
    batch = {'image': _bars(2)}
    params = algorithm.inference(algorithm.init(jax.random.key(0), batch))
    output = algorithm.decoder.apply(params['decoder'], z)
    expected = jnp.tanh(output)
    if likelihood == 'bernoulli':
      expected = 2 * jax.nn.sigmoid(output) - 1
    np.testing.assert_allclose(
      algorithm.generate(params, z), expected, atol=1e-6
    )


def test_capabilities():
  for algorithm in (Autoencoder(), VAE()):
    assert isinstance(algorithm, core.Generative)
    assert isinstance(algorithm, core.Encoder)
    assert not isinstance(algorithm, core.Translator)


def test_dropout_in_training_alone():
  module = DenseHead(MLPTrunk(16), 3, dropout=0.5)
  x = _bars(2)
  variables = module.init(jax.random.key(0), x)

  def outputs(train):
    return [
      module.apply(variables, x, train, rngs={'dropout': jax.random.key(i)})
      for i in range(2)
    ]

  first, second = outputs(True)
  assert not np.array_equal(first, second)
  np.testing.assert_array_equal(*outputs(False))


@pytest.mark.slow
def test_accumulated_slices_have_their_own_noise():
  fields = {**_MLP, 'latent_size': 3, 'likelihood': 'bernoulli'}
  batch = {'image': _bars(8)}
  after = []
  for slices in (1, 4):
    optimizer = optim.SGD(learning_rate=1e-3, accumulate=slices)
    algorithm = VAE(**{**fields, 'optimizer': optimizer})
    state = algorithm.init(jax.random.key(0), batch)
    after.append(algorithm.step(state, batch, jax.random.key(1))[0])
  for x, y in zip(*map(jax.tree.leaves, after), strict=True):
    np.testing.assert_allclose(x, y, atol=1e-6)
