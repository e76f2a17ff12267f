"""Former import paths, and experiment files that use former names."""

import ast
import functools
import importlib
import importlib.abc
import importlib.machinery
import sys
import types
import warnings
from typing import Any

from art_jax.config import renamed

_CALL = '__art_jax_call__'


def install() -> None:
  """Let former import paths be found, each with a DeprecationWarning."""
  if not any(isinstance(finder, _Moved) for finder in sys.meta_path):
    sys.meta_path.append(_Moved())


class SourceLoader(importlib.machinery.SourceFileLoader):
  """Runs a file that may use former names, which are translated as it runs.

  The file on disk and the classes stay as they are: its calls go through
  `renamed.call`, and former names are imported from where they are now.
  """

  def get_code(self, fullname: str) -> types.CodeType:
    """Return the code of the file, compiled anew."""
    path = self.get_filename(fullname)
    tree = _Rewrite(path).visit(ast.parse(self.get_data(path), path))
    return compile(ast.fix_missing_locations(tree), path, 'exec')

  def exec_module(self, module: types.ModuleType) -> None:
    """Run the file as a module."""
    vars(module)[_CALL] = renamed.call
    super().exec_module(module)


class _Rewrite(ast.NodeTransformer):
  def __init__(self, path: str):
    self._path = path

  def visit_Call(self, node: ast.Call) -> ast.AST:
    self.generic_visit(node)
    old = [key for kind, key in renamed.index() if kind in ('field', 'value')]
    names = {key.partition('=')[0].partition('.')[2] for key in old}
    texts = {key.partition('=')[2] for key in old} - {''}
    if any(k.arg is None or k.arg in names for k in node.keywords) or any(
      isinstance(a, ast.Constant) and a.value in texts for a in node.args
    ):
      function = ast.Name(_CALL, ast.Load())
      args = [node.func, *node.args]
      return ast.copy_location(ast.Call(function, args, node.keywords), node)
    return node

  def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
    kept, moved = [], []
    for alias in node.names:
      row = renamed.index().get(('import', f'{node.module}.{alias.name}'))
      if row is None or node.level:
        kept.append(alias)
        continue
      warnings.warn_explicit(
        renamed.sentence(renamed.notice(row)),
        DeprecationWarning,
        self._path,
        node.lineno,
      )
      module, _, name = row.new.rpartition('.')
      alias = ast.alias(name, alias.asname or alias.name)
      moved.append(ast.copy_location(ast.ImportFrom(module, [alias], 0), node))
    if kept and moved:
      moved.insert(
        0, ast.copy_location(ast.ImportFrom(node.module, kept, 0), node)
      )
    return moved or node


class _Moved(importlib.abc.MetaPathFinder, importlib.abc.Loader):
  """Finds modules of earlier versions that are now elsewhere."""

  def find_spec(
    self, fullname: str, path: Any = None, target: Any = None
  ) -> importlib.machinery.ModuleSpec | None:
    """Return how to import a former module; None for all others."""
    former = [old for kind, old in renamed.index() if kind == 'import']
    return (
      importlib.machinery.ModuleSpec(fullname, self, is_package=True)
      if any(f'{old}.'.startswith(f'{fullname}.') for old in former)
      else None
    )

  def exec_module(self, module: types.ModuleType) -> None:
    """Put the module of today in its place, or one that finds its names."""
    name = module.__name__
    row = renamed.index().get(('import', name))
    if row:
      _warn(row)
      sys.modules[name] = importlib.import_module(row.new)
    else:
      vars(module)['__getattr__'] = functools.partial(_attribute, name)


def _attribute(module: str, name: str) -> Any:
  row = renamed.index().get(('import', f'{module}.{name}'))
  if row is None:
    raise AttributeError(f'module {module!r} has no attribute {name!r}')
  _warn(row)
  module, _, name = row.new.rpartition('.')
  return getattr(importlib.import_module(module), name)


def _warn(row: renamed.Row) -> None:
  warnings.warn(
    renamed.sentence(renamed.notice(row)), DeprecationWarning, stacklevel=3
  )
