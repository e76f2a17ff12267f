"""Spectral normalization: a weight divided by its largest singular value.

Miyato, Kataoka, Koyama, Yoshida 2018, "Spectral Normalization for Generative
Adversarial Networks", arXiv:1802.05957, Algorithm 1.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

_FIRST_ITERATIONS = 20  # a single one finds about 2/3 of the value


def normalize(module: nn.Module, w: jax.Array) -> jax.Array:
  """Return w / sigma(w) inside a compact linen module.

    v = W u / |W u|,  u <- W^T v / |W^T v|,  sigma = v^T W u

  with u and v as constants. u is kept in the collection `spectral`, moves by
  one iteration at every call that may write it, and begins after
  enough of them for sigma to be right at step 0.

  Args:
    module: the layer that owns w and keeps u.
    w: f32[..., O]; W is w reshaped to [-1, O].

  Returns:
    f32[..., O].
  """
  matrix = w.reshape(-1, w.shape[-1])
  constant = jax.lax.stop_gradient(matrix)

  def begin():
    u = jax.random.normal(module.make_rng('params'), (w.shape[-1],))
    for _ in range(_FIRST_ITERATIONS):
      _, u = _iterate(constant, u)
    return u

  kept = module.variable('spectral', 'u', begin)
  v, u = _iterate(constant, kept.value)
  if module.is_mutable_collection('spectral') and not module.is_initializing():
    kept.value = u
  return w / (v @ matrix @ u)


def _iterate(matrix: jax.Array, u: jax.Array) -> tuple[jax.Array, jax.Array]:
  v = _unit(matrix @ u)
  return v, _unit(matrix.T @ v)


def _unit(x: jax.Array) -> jax.Array:
  return x / (jnp.linalg.norm(x) + 1e-12)
