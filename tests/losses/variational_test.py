"""KL, likelihoods and the GAN losses against scipy and numbers by hand."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from art_jax.losses import adversarial, reconstruction, variational


def test_kl_by_hand():
  mean = jnp.array([[0.0, 0.0], [1.0, -2.0], [0.0, 0.0]])
  log_variance = jnp.array([[0.0, 0.0], [0.0, 0.0], [math.log(4.0), 0.0]])
  # 1/2 (1 + 4) and 1/2 (4 - 1 - log 4).
  expected = [0.0, 2.5, 1.5 - math.log(2.0)]
  kl = variational.gaussian_kl(mean, log_variance)
  np.testing.assert_allclose(kl, expected, rtol=1e-6)


def test_kl_is_the_integral():
  integrate = pytest.importorskip('scipy.integrate')
  stats = pytest.importorskip('scipy.stats')
  mean, variance = 0.7, 0.3
  q = stats.norm(mean, math.sqrt(variance))
  p = stats.norm()
  expected, _ = integrate.quad(
    lambda z: q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), -10, 10
  )
  kl = variational.gaussian_kl(
    jnp.full((1, 1), mean), jnp.full((1, 1), math.log(variance))
  )
  np.testing.assert_allclose(kl, [expected], rtol=1e-5)


def test_kl_of_nearly_the_prior_keeps_its_digits():
  small = jnp.full((1, 1), 1e-3)
  kl = variational.gaussian_kl(jnp.zeros((1, 1)), small)
  # Series: x^2 / 4 + x^3 / 12.
  np.testing.assert_allclose(kl, [2.5e-7 + 1e-9 / 12], rtol=1e-3)


def test_bernoulli_against_scipy():
  stats = pytest.importorskip('scipy.stats')
  rng = np.random.default_rng(0)
  logits = rng.normal(size=(3, 4, 4, 1)).astype('f4')
  images = rng.integers(0, 2, size=logits.shape).astype('f4')
  p = 1 / (1 + np.exp(-logits.astype('f8')))
  expected = stats.bernoulli(p).logpmf(images).sum((1, 2, 3))
  got = variational.bernoulli_log_likelihood(logits, images)
  np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_bernoulli_is_finite_for_large_logits():
  logits = jnp.array([[1e4, -1e4]])
  right = variational.bernoulli_log_likelihood(logits, jnp.array([[1.0, 0.0]]))
  wrong = variational.bernoulli_log_likelihood(logits, jnp.array([[0.0, 1.0]]))
  np.testing.assert_allclose(right, [0.0], atol=1e-6)
  np.testing.assert_allclose(wrong, [-2e4], rtol=1e-6)


def test_gaussian_against_scipy():
  stats = pytest.importorskip('scipy.stats')
  rng = np.random.default_rng(0)
  mean, images = rng.normal(size=(2, 3, 4, 4, 1)).astype('f4')
  expected = stats.norm(mean, 0.3).logpdf(images).sum((1, 2, 3))
  got = variational.gaussian_log_likelihood(mean, images, 0.3)
  np.testing.assert_allclose(got, expected, rtol=1e-5)


@pytest.mark.parametrize(
  'loss',
  [
    variational.gaussian_kl,
    variational.bernoulli_log_likelihood,
    lambda x, y: variational.gaussian_log_likelihood(x, y, 1.0),
    reconstruction.l1,
    reconstruction.l2,
  ],
)
def test_nothing_is_broadcast(loss):
  with pytest.raises(ValueError, match='shapes differ'):
    loss(jnp.ones((2, 3)), jnp.ones((2, 1)))


def test_l2_by_hand():
  got = reconstruction.l2(jnp.array([1.0, -1.0]), jnp.array([0.0, 1.0]))
  np.testing.assert_allclose(got, 2.5)


@pytest.mark.parametrize(
  'logit, target, expected',
  [
    (0.0, 1.0, math.log(2)),
    (0.0, 0.0, math.log(2)),
    (math.log(3), 1.0, math.log(4 / 3)),
    (math.log(3), 0.0, math.log(4)),
    (math.log(3), 0.9, 0.9 * math.log(4 / 3) + 0.1 * math.log(4)),
    (200.0, 0.0, 200.0),
  ],
)
def test_binary_cross_entropy_by_hand(logit, target, expected):
  logits = jnp.full((2, 3, 3, 1), logit)
  got = adversarial.binary_cross_entropy(logits, target)
  np.testing.assert_allclose(got, expected, rtol=1e-5)
  # Towards the target is downhill.
  slope = jax.grad(adversarial.binary_cross_entropy)(logits, target).sum()
  assert (slope < 0) == (1 / (1 + math.exp(-logit)) < target)
