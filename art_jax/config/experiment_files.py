"""The files of experiments by name, listed and described without importing any.

Nothing here imports jax, so that `art_jax list` is quick.
"""

import ast
import pathlib
from collections.abc import Mapping


def files() -> Mapping[str, pathlib.Path]:
  """Return the experiment files by name, sorted.

  They lie in experiments/ beside the package (a checkout), else in the
  installed package art_jax/experiments.
  """
  package = pathlib.Path(__file__).resolve().parents[1]
  for folder in (package.parent / 'experiments', package / 'experiments'):
    paths = sorted(p for p in folder.glob('*.py') if p.stem[:1] != '_')
    if paths and (folder / '__init__.py').exists():
      return {path.stem: path for path in paths}
  from art_jax import core

  raise core.UserError(
    f'no experiments found beside or inside {package}: reinstall art_jax'
  )


def purpose(path: pathlib.Path) -> str:
  """Return the first line of an experiment file's docstring, unimported."""
  docstring = ast.get_docstring(ast.parse(path.read_text('utf-8'))) or ''
  return docstring.partition('\n')[0]
