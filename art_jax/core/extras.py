"""Packages that only some commands need: imported late, named when missing."""

import importlib
from typing import Any

from art_jax.core import errors


def load(module: str, extra: str, what: str) -> Any:
  """Return a module of an optional package.

  Args:
    module: its name, e.g. 'pyarrow.parquet'.
    extra: of art_jax that installs it.
    what: is done with it, for the message.

  Raises:
    UserError: it is not installed; the message says how to.
  """
  try:
    return importlib.import_module(module)
  except ImportError as error:
    raise errors.UserError(
      f'{what} needs an optional package ({error}): '
      f'pip install "art-jax[{extra}]"'
    ) from error
