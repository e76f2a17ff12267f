"""Shapes of batches and states, known from the config alone."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from art_jax import core


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
    return jax.eval_shape(initializer(experiment), jax.random.key(0))
  except core.UserError:
    raise
  except (ValueError, TypeError) as error:
    raise core.UserError(
      f'the networks of {type(experiment.algorithm).__name__} cannot be built '
      f'for {experiment.data.size} px pictures: {error}; change the field '
      'with --set algorithm....=...'
    ) from error
