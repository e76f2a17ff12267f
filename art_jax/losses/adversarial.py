"""Adversarial losses: what discriminators and generators minimise."""

import jax
import jax.numpy as jnp


def least_squares(logits: jax.Array, target: float) -> jax.Array:
  """Return the least-squares GAN loss.

  L = E[(D(x) - target)^2], with target 1 for real and, in the generator's
  loss, for fake pictures, and 0 for fake ones in the discriminator's.

  Args:
    logits: f32[B, ...], outputs of the discriminator without a sigmoid.
    target: b or a or c in eq. 2 of the paper; CycleGAN uses 1, 0 and 1.

  Returns:
    f32[], mean over everything; without the paper's factor 1/2.

  Reference: Mao et al. 2017, arXiv:1611.04076, eq. 2.
  """
  return jnp.mean(jnp.square(logits - target))


def binary_cross_entropy(logits: jax.Array, target: float) -> jax.Array:
  """Return the GAN loss of the original paper, computed from logits.

  L = -E[t log s(D(x)) + (1 - t) log(1 - s(D(x)))], s the sigmoid. With target 1
  for fake pictures it is the generator's non-saturating loss.

  Args:
    logits: f32[B, ...], outputs of the discriminator without a sigmoid.
    target: t in [0, 1]: 1 for real, 0 for fake, between them when smoothed.

  Returns:
    f32[], mean over everything.

  Reference: Goodfellow et al. 2014, arXiv:1406.2661, eq. 1 and section 3.
  """
  return jnp.mean(jax.nn.softplus(logits) - target * logits)
