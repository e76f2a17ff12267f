"""Networks as pure functions."""

from typing import Any

from flax import linen as nn


def apply(module: nn.Module, variables: Any, *inputs: Any, **kwargs) -> Any:
  """Return `module.apply(variables, ...)` of a call that changes no variables.

  The type that flax declares for it also covers calls that do, and return
  their changes beside the output.
  """
  return module.apply(variables, *inputs, **kwargs)
