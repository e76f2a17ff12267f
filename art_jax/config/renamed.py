"""Former names that still load: one table.

A new row is one line of `TABLE`. Its kinds:

  import  a module, or a name in one: 'art_jax.optim'; a name in a module that
          is still there is renamed in experiment files alone
  class   the bare name of a config class, as config.txt has it
  field   'Class.field' -> 'Class.other', or 'Class.nested.other' for one that
          moved into the config object which the field `nested` holds
  value   'Class.field=text' -> 'Class.field=other': a string, also in a tuple

`Class` and, in a value, `field` are today's names. Names of metrics and keys
of saved states have no row: they never change.
"""

import ast
import dataclasses
import functools
import importlib
import importlib.abc
import importlib.machinery
import sys
import types
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Row(NamedTuple):
  """A renaming: the former name, today's, the version of the change."""

  old: str
  new: str
  version: str
  kind: str


_ROWS = [
  # old, new, version, kind
  ('art_jax.optim', 'art_jax.algorithms.optim', '0.2.0', 'import'),
  ('Gatys.colours', 'Gatys.colors', '0.2.0', 'field'),
  ('Gatys.start=recoloured', 'Gatys.start=recolored', '0.2.0', 'value'),
  ('AdaIN.normalised', 'AdaIN.normalized', '0.2.0', 'field'),
  ('Labelled', 'Labeled', '0.2.0', 'class'),
  ('SampleAlarm.memorised', 'SampleAlarm.memorized', '0.2.0', 'field'),
  (
    'art_jax.data.labelled.Labelled',
    'art_jax.data.labeled.Labeled',
    '0.2.0',
    'import',
  ),
  (
    'art_jax.data.sources.Labelled',
    'art_jax.data.sources.Labeled',
    '0.2.0',
    'import',
  ),
  (
    'art_jax.algorithms.gan_parts.CriticWarmup',
    'art_jax.algorithms.stabilizers.CriticWarmup',
    '0.2.0',
    'import',
  ),
  ('DCGANGenerator.enlarge', 'DCGANGenerator.upsample', '0.2.0', 'field'),
  (
    'DCGANGenerator.upsample=transposed',
    'DCGANGenerator.upsample=transpose',
    '0.2.0',
    'value',
  ),
  ('Stabilizers.augment=colour', 'Stabilizers.augment=color', '0.2.0', 'value'),
]
_STABILIZERS = (
  'real_range',
  'fake_range',
  'flip_probability',
  'instance_noise',
  'noise_schedule',
  'replay_every',
  'r1_weight',
  'ema_decay',
  'augment',
)
_ROWS += [
  (f'{model}.{name}', f'{model}.stabilizers.{name}', '0.2.0', 'field')
  for model in ('GAN', 'ACGAN')
  for name in _STABILIZERS
]
TABLE = tuple(Row(*row) for row in _ROWS)


def install() -> None:
  """Let former import paths be found, each with a DeprecationWarning."""
  if not any(isinstance(finder, _Moved) for finder in sys.meta_path):
    sys.meta_path.append(_Moved())


def field_path(cls: type, name: str) -> tuple[str, ...] | None:
  """Return where a former field of a class is now, with a notice, or None."""
  new = _renamed(cls, 'field', f'{cls.__name__}.{name}')
  return None if new is None else tuple(new.split('.')[1:])


def value(cls: type, field: str, content: Any) -> Any:
  """Return today's spelling of a string, or of those in a tuple."""
  if isinstance(content, tuple):
    return tuple(value(cls, field, item) for item in content)
  if not isinstance(content, str):
    return content
  new = _renamed(cls, 'value', f'{cls.__name__}.{field}={content}')
  return content if new is None else new.partition('=')[2]


def class_name(name: str) -> str:
  """Return today's name of a config class, with a notice if it changed."""
  row = _index().get(('class', name))
  return _notice(row).new if row else name


def keywords(
  owner: Any, given: Mapping[str, Any], make: Callable[..., Any]
) -> dict[str, Any]:
  """Return keyword arguments under today's names.

  Args:
    owner: the class that is called, or the object of which a copy with
      fields replaced is made.
    given: as written for this version or an earlier one.
    make: called with a class and keyword arguments; makes the nested objects
      into which fields moved.
  """
  cls = owner if isinstance(owner, type) else type(owner)
  today = {field.name for field in dataclasses.fields(cls)}
  arguments, nested = {}, {}
  for name, content in given.items():
    path = None if name in today else field_path(cls, name)
    if path and len(path) == 2:
      nested.setdefault(path[0], {})[path[1]] = content
    else:
      arguments[path[0] if path else name] = content
  for name, changes in nested.items():
    base = arguments.get(name, getattr(owner, name))
    fields = {f.name: getattr(base, f.name) for f in dataclasses.fields(base)}
    arguments[name] = make(type(base), **{**fields, **changes})
  return arguments


def call(function: Any, *args: Any, **kwargs: Any) -> Any:
  """Call a function; one that makes a config takes former names, too."""
  owner = function
  if function is dataclasses.replace and args:
    owner, args = args[0], args[1:]
    function = functools.partial(function, owner)
  cls = owner if isinstance(owner, type) else type(owner)
  if not (_is_ours(cls) and dataclasses.is_dataclass(cls)):
    return function(*args, **kwargs)
  names = getattr(cls, '__match_args__', ())
  values = [value(cls, *pair) for pair in zip(names, args, strict=False)]
  kwargs = keywords(owner, kwargs, call)
  return function(
    *values,
    *args[len(names) :],
    **{k: value(cls, k, v) for k, v in kwargs.items()},
  )


class SourceLoader(importlib.machinery.SourceFileLoader):
  """Runs a file that may use former names, which are translated as it runs.

  The file on disk and the classes stay as they are: its calls go through
  `call`, and what it imports by a former name comes from where it is now.
  """

  def get_code(self, fullname: str) -> types.CodeType:
    """Return the code of the file, compiled anew."""
    path = self.get_filename(fullname)
    tree = _Rewrite(path).visit(ast.parse(self.get_data(path), path))
    return compile(ast.fix_missing_locations(tree), path, 'exec')

  def exec_module(self, module: types.ModuleType) -> None:
    """Run the file as a module."""
    vars(module)[_CALL] = call
    super().exec_module(module)


_CALL = '__art_jax_call__'


class _Rewrite(ast.NodeTransformer):
  def __init__(self, path: str):
    self._path = path

  def visit_Call(self, node: ast.Call) -> ast.AST:
    self.generic_visit(node)
    kinds = ('field', 'value')
    old = [key for kind, key in _index() if kind in kinds]
    names = {key.partition('=')[0].split('.')[1] for key in old}
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
      row = _index().get(('import', f'{node.module}.{alias.name}'))
      if row is None or node.level:
        kept.append(alias)
        continue
      warnings.warn_explicit(
        _text(_notice(row)), DeprecationWarning, self._path, node.lineno
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
    del path, target
    former = [old for kind, old in _index() if kind == 'import']
    if any(f'{old}.'.startswith(f'{fullname}.') for old in former):
      return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
    return None

  def exec_module(self, module: types.ModuleType) -> None:
    """Put the module of today in its place, or one that finds its names."""
    name = module.__name__
    row = _index().get(('import', name))
    if row:
      _warn(row)
      sys.modules[name] = importlib.import_module(row.new)
    else:
      vars(module)['__getattr__'] = functools.partial(_attribute, name)


def _attribute(module: str, name: str) -> Any:
  row = _index().get(('import', f'{module}.{name}'))
  if row is None:
    raise AttributeError(f'module {module!r} has no attribute {name!r}')
  _warn(row)
  module, _, name = row.new.rpartition('.')
  return getattr(importlib.import_module(module), name)


def _renamed(cls: type, kind: str, old: str) -> str | None:
  row = _index().get((kind, old)) if _is_ours(cls) else None
  return _notice(row).new if row else None


def _is_ours(cls: type) -> bool:
  return cls.__module__.startswith('art_jax.')


@functools.cache
def _index() -> Mapping[tuple[str, str], Row]:
  return {(row.kind, row.old): row for row in TABLE}


@functools.cache
def _notice(row: Row) -> Row:
  from absl import logging  # here: `import art_jax` needs no logging

  logging.warning('%s', _text(row))
  return row


def _warn(row: Row) -> None:
  warnings.warn(_text(_notice(row)), DeprecationWarning, stacklevel=3)


def _text(row: Row) -> str:
  return (
    f'{row.old} is now {row.new} (since art_jax {row.version}); the former '
    'name still loads'
  )
