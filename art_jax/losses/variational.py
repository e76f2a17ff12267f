"""The terms of the evidence lower bound, in nats per example."""

import math

import jax
import jax.numpy as jnp

from art_jax.losses.reconstruction import require_same_shape


def _pixels(x: jax.Array) -> jax.Array:
  return jnp.sum(x, axis=tuple(range(1, x.ndim)))


def gaussian_kl(mean: jax.Array, log_variance: jax.Array) -> jax.Array:
  """Return the divergence of a diagonal Gaussian from the standard one.

  KL(N(mu, sigma^2) || N(0, 1))
    = 1/2 sum_j (mu_j^2 + sigma_j^2 - 1 - log sigma_j^2).

  Args:
    mean: f32[B, Z], mu.
    log_variance: f32[B, Z], log sigma^2.

  Returns:
    f32[B] in nats, >= 0.

  Raises:
    ValueError: if the shapes differ; nothing is broadcast.

  Reference: Kingma & Welling 2014, arXiv:1312.6114, appendix B.
  """
  require_same_shape(mean, log_variance)
  # expm1: sigma^2 - 1 without cancellation where the posterior is the prior.
  return 0.5 * _pixels(
    jnp.square(mean) + jnp.expm1(log_variance) - log_variance
  )


def bernoulli_log_likelihood(logits: jax.Array, images: jax.Array) -> jax.Array:
  """Return log p(x) = sum_i x_i log p_i + (1 - x_i) log(1 - p_i).

  With p = sigmoid(logits). Gray values between 0 and 1 are allowed, as is usual
  for MNIST; then it is a negative cross-entropy and not a likelihood.

  Args:
    logits: f32[B, ...].
    images: f32[B, ...] in [0, 1].

  Returns:
    f32[B] in nats, <= 0.

  Raises:
    ValueError: if the shapes differ; nothing is broadcast.

  Reference: Kingma & Welling 2014, arXiv:1312.6114, appendix C.1.
  """
  require_same_shape(logits, images)
  return _pixels(images * logits - jax.nn.softplus(logits))


def gaussian_log_likelihood(
  mean: jax.Array, images: jax.Array, sigma: float
) -> jax.Array:
  """Return log p(x) = -sum_i (x_i - mu_i)^2 / (2 s^2) + log s + log(2 pi) / 2.

  Args:
    mean: f32[B, ...], mu.
    images: f32[B, ...], in the units of the mean.
    sigma: s > 0, the standard deviation of every pixel.

  Returns:
    f32[B] in nats; a density, so it may be positive.

  Raises:
    ValueError: if the shapes differ; nothing is broadcast.

  Reference: Kingma & Welling 2014, arXiv:1312.6114, appendix C.2.
  """
  require_same_shape(mean, images)
  constant = math.log(sigma) + 0.5 * math.log(2 * math.pi)
  return _pixels(-0.5 * jnp.square((images - mean) / sigma) - constant)
