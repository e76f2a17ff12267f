"""PatchNCE: a patch is recognized among others of its picture."""

import jax
import jax.numpy as jnp

from art_jax import core

NEGATIVES = ('picture', 'batch')


def patch_nce(
  queries: jax.Array,
  targets: jax.Array,
  temperature: float = 0.07,
  negatives: str = 'picture',
) -> jax.Array:
  """Return the cross entropy of finding every query's own target.

    L = -1/N sum_s log( exp(q_s . t_s / tau) / sum_s' exp(q_s . t_s' / tau) )

  q_s and t_s are unit vectors of the same place s in a translation and in its
  source; the other places are the negatives. The targets are constants.

  Args:
    queries: f32[B, P, D] of length 1.
    targets: f32[B, P, D] of length 1, row by row at the places of the queries.
    temperature: tau > 0; 0.07 in the paper.
    negatives: 'picture' (the paper: N = P places of the same picture) or
      'batch' (N = B P places of all pictures: for crops of one picture).

  Returns:
    f32[]: log N where nothing is recognized, 0 where everything is.

  Raises:
    UserError: on a temperature or negatives that are not allowed, or shapes
      that differ.

  Reference: Park et al. 2020, arXiv:2007.15651, equations 3 and 4, as a mean.
  """
  core.require(
    temperature > 0, f'temperature={temperature}: it is > 0; pass 0.07'
  )
  core.require(
    negatives in NEGATIVES,
    f'negatives={negatives!r}: it is one of {", ".join(NEGATIVES)}',
  )
  core.require(
    queries.shape == targets.shape and queries.ndim == 3,
    f'queries {queries.shape} and targets {targets.shape}: both are [B, P, D], '
    'of the same places',
  )
  if negatives == 'batch':
    queries, targets = (
      x.reshape(1, -1, x.shape[-1]) for x in (queries, targets)
    )
  logits = jnp.einsum(
    'bqd,bkd->bqk',
    queries,
    jax.lax.stop_gradient(targets),
    precision=jax.lax.Precision.HIGHEST,
    preferred_element_type=jnp.float32,
  )
  logs = jax.nn.log_softmax(logits / temperature)
  return -jnp.mean(jnp.diagonal(logs, axis1=1, axis2=2))
