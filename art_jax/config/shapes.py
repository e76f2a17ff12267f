"""Shapes of batches and states, known from the config alone."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from art_jax import core
from art_jax.config import serialization

# Others train in silence: whole numbers cut weights to 0, and float64 is
# computed in float32.
_DTYPES = ('float32', 'bfloat16', 'float16')


def batch_shapes(experiment: core.Experiment) -> dict[str, Any]:
  """Return the shapes and dtypes of the batch of one step."""
  data, algorithm = experiment.data, experiment.algorithm
  rows = experiment.rows_per_step
  picture = (rows, data.size, data.size, data.channels)
  # Scalars of a row: a label, and the columns that a GAN is conditioned on.
  scalars = {'label': jnp.int32} | {
    name: jnp.int32 if count else jnp.float32
    for name, count in core.columns(algorithm).items()
  }
  return {
    key: jax.ShapeDtypeStruct((rows,), scalars[key])
    if key in scalars
    else jax.ShapeDtypeStruct(picture, jnp.float32)
    for key in algorithm.inputs
  }


def initializer(
  experiment: core.Experiment,
) -> Callable[..., core.State]:
  """Return the function (key, pretrained) -> state of step 0; not compiled.

  It is pure. Without `pretrained` the weights that a file would give are
  random ones of the same shapes.
  """
  shapes = batch_shapes(experiment)

  def init(key, pretrained=()):
    batch = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    return experiment.algorithm.init(key, batch, pretrained)

  return init


def state_shapes(experiment: core.Experiment) -> core.State:
  """Return the shapes and dtypes of the state, computing nothing.

  Raises:
    core.UserError: if the networks do not fit the pictures or one another.
  """
  try:
    _require_dtypes(experiment.algorithm)
    return jax.eval_shape(initializer(experiment), jax.random.key(0))
  except core.UserError:
    raise
  except (ValueError, TypeError) as error:
    raise core.UserError(
      f'the networks of {type(experiment.algorithm).__name__} cannot be built '
      f'for {experiment.data.size} px pictures: {error}; change the field '
      'with --set algorithm....=...'
    ) from error


def _require_dtypes(algorithm: core.Algorithm) -> None:
  """Raise UserError unless all layers compute in a type that they train in."""
  for node in serialization.walk(algorithm):
    dtype = getattr(node, 'dtype', None)
    core.require(
      not isinstance(dtype, str) or jnp.dtype(dtype).name in _DTYPES,
      f'{type(node).__name__}.dtype={dtype!r}: it is one of '
      f'{", ".join(_DTYPES)}; pass --set algorithm....dtype=... with one of '
      'them, or --precision for all networks',
    )
