"""Networks as pure functions."""

from collections.abc import Mapping
from typing import Any

import jax
from flax import linen as nn

# Part of jit's cache key: a function traced outside is traced again inside.
_IN_PARTS = jax.make_user_context(False)


def in_parts():
  """Return a context manager for tracing a network that sees parts of pictures.

  What it needs of the whole picture is left to `nn.whole`.
  """
  return _IN_PARTS(True)


def is_in_parts() -> bool:
  """Tell whether `in_parts` is in force."""
  return _IN_PARTS.value


def apply(module: nn.Module, variables: Any, *inputs: Any, **kwargs) -> Any:
  """Return `module.apply(variables, ...)` of a call that changes no variables.

  The type that flax declares for it also covers calls that do, and return
  their changes beside the output.
  """
  return module.apply(variables, *inputs, **kwargs)


def apply_train(
  module: nn.Module,
  params: Any,
  collections: Mapping[str, Any],
  *inputs: Any,
  key: jax.Array | None = None,
  method: str | None = None,
) -> tuple[Any, Mapping[str, Any]]:
  """Run one network in training mode.

  Args:
    module: the network.
    params: its parameters.
    collections: its other variables.
    *inputs: its arguments.
    key: of the dropout; None where there is none.
    method: which of its methods; None: `__call__`.

  Returns:
    The output, and the collections after the call: batch statistics move.
  """
  output, updated = module.apply(
    {'params': params, **collections},
    *inputs,
    train=True,
    rngs={} if key is None else {'dropout': key},
    mutable=list(collections),
    method=method,
  )
  return output, {kind: updated.get(kind, {}) for kind in collections}
