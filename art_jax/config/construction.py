"""Config objects are made here, so that whatever a class refuses is told."""

from collections.abc import Callable
from typing import Any

from art_jax import core


def make(factory: Callable[..., Any], *args: Any, **values: Any) -> Any:
  """Return `factory(*args, **values)`.

  Raises:
    core.UserError: what a check of the class says; those of networks, and of
      users' own classes, raise ValueError.
  """
  try:
    return factory(*args, **values)
  except core.UserError:
    raise
  except ValueError as error:
    raise core.UserError(
      f'{error}; pass another value with --set, or in the experiment'
    ) from error
