"""Where files of foreign weights lie, and what to say when they do not."""

import os
import pathlib
from collections.abc import Sequence

from art_jax import home
from art_jax.weights.files import WeightsError


def find(
  names: Sequence[str], path: str | os.PathLike | None, how: str
) -> pathlib.Path:
  """Return the file of some weights.

  Searched are `ART_JAX_HOME/weights` (see `home`) and `ART_JAX_ASSETS`, the
  latter with the folders below it.

  Args:
    names: file names to search for, the best first.
    path: the file itself, or None to search.
    how: how to get the file, for people.

  Raises:
    WeightsError: there is none.
  """
  if path is not None:
    if not pathlib.Path(path).is_file():
      raise WeightsError(f'weights file {str(path)!r} does not exist; {how}')
    return pathlib.Path(path)
  folder = home.home() / 'weights'
  for name in names:
    if (folder / name).is_file():
      return folder / name
    assets = os.environ.get('ART_JAX_ASSETS')
    if assets and (found := sorted(pathlib.Path(assets).rglob(name))):
      return found[0]
  raise WeightsError(
    f'weights {names[0]!r} are neither in {folder} nor in ART_JAX_ASSETS; {how}'
  )
