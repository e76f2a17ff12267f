"""Penalties on the gradient of a discriminator with respect to its input.

Their own gradient is of second order; it is exact, as every rewrite of a
convolution in `art_jax.nn.lowering` has exact gradients of every order.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

# f32[B, H, W, C] -> f32[B], without mixing the pictures of the batch.
Score = Callable[[jax.Array], jax.Array]


def squared_gradient_norms(score: Score, images: jax.Array) -> jax.Array:
  """Return |grad_x score(x)|^2 of each picture.

  Args:
    score: f32[B, H, W, C] -> f32[B]; row i depends on picture i alone.
    images: f32[B, H, W, C].

  Returns:
    f32[B].
  """
  gradients = jax.grad(lambda x: jnp.sum(score(x)))(images)
  return jnp.sum(jnp.square(gradients), axis=(1, 2, 3))


def gradient_penalty(
  score: Score, real: jax.Array, fake: jax.Array, mix: jax.Array
) -> jax.Array:
  """Return WGAN-GP's penalty, without its weight.

  E[(|grad D(x')|_2 - 1)^2], x' = e x + (1 - e) G(z), e ~ U[0, 1].

  Args:
    score: the critic D.
    real: f32[B, H, W, C], x.
    fake: f32[B, H, W, C], G(z); a constant for the critic.
    mix: f32[B], e.

  Returns:
    f32[].

  Reference: Gulrajani et al. 2017, arXiv:1704.00028, eq. 3 and Algorithm 1.
  """
  mix = mix[:, None, None, None]
  squares = squared_gradient_norms(score, mix * real + (1 - mix) * fake)
  # The root has no finite derivative at 0, where a critic may well begin.
  return jnp.mean(jnp.square(jnp.sqrt(squares + 1e-12) - 1))


def r1(score: Score, images: jax.Array) -> jax.Array:
  """Return the R1 penalty with gamma = 1: E[|grad D(x)|_2^2] / 2, f32[].

  Args:
    score: D's logit, without a sigmoid.
    images: f32[B, H, W, C], real ones; with fakes it is the R2 penalty.

  Reference: Mescheder et al. 2018, arXiv:1801.04406, eq. 9 and 10.
  """
  return 0.5 * jnp.mean(squared_gradient_norms(score, images))
