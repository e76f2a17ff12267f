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
