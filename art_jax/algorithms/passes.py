"""Several batches through one network: in one pass where that is exact."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax import core
from art_jax.algorithms.trainable import Collections
from art_jax.nn import pure


def apply_each(
  module: nn.Module,
  params: core.Params,
  collections: Collections,
  batches: Sequence[tuple[jax.Array, ...]],
  *,
  keys: Sequence[core.Key | None] | None = None,
  method: str | None = None,
) -> tuple[list[Any], Collections]:
  """Run a network in training mode on several batches of one size.

  Where the network treats pictures alone (`core.per_picture`), they are one
  batch. That is exact, to the rounding of sums: an output depends on its own
  picture and on the parameters, and the gradient of a sum of losses is the sum
  of their gradients, which a convolution takes over its batch. Others run once
  for each batch, in turn: they have statistics of the batch, draw random
  numbers, or change variables at every call.

  Args:
    module: the network.
    params: its parameters.
    collections: its other variables.
    batches: its arguments, [B, ...] each.
    keys: of the dropout in each pass; None where there is none.
    method: which of its methods; None: `__call__`.

  Returns:
    The output for each batch, and the collections after the last call.
  """
  count = len(batches)
  each_key = [None] * count if keys is None else keys
  if count > 1 and core.per_picture(module):
    # The rows of all batches in turn, so that devices keep theirs.
    rows = jax.tree.map(
      lambda *x: jnp.stack(x, 1).reshape(-1, *x[0].shape[1:]), *batches
    )
    output, collections = pure.apply_train(
      module, params, collections, *rows, key=each_key[0], method=method
    )
    return [_every(output, i, count) for i in range(count)], collections
  outputs = []
  for inputs, key in zip(batches, each_key, strict=True):
    output, collections = pure.apply_train(
      module, params, collections, *inputs, key=key, method=method
    )
    outputs.append(output)
  return outputs, collections


def _every(output, first, count):
  """Return the rows of one of several batches that lie in turn."""
  return jax.tree.map(
    lambda y: y.reshape(-1, count, *y.shape[1:])[:, first], output
  )
