"""The folders are the architecture: imports point down, doors are few."""

import ast
import functools
import pathlib

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_PACKAGE = _ROOT / 'art_jax'

# From the top to the floor; a folder imports itself and what lies below it.
_LAYERS = (
  ('cli',),
  ('profiling', 'sweep', 'studio'),
  ('training', 'style_transfer', 'painter', 'evaluation'),
  ('inference', 'monitoring', 'report'),
  ('algorithms', 'runs', 'sampling', 'metrics'),
  ('weights', 'data', 'devices'),
  ('config', 'losses', 'media'),
  ('core', 'nn'),
)
_LEVEL = {folder: -level for level, row in enumerate(_LAYERS) for folder in row}
# What stands at the root of the package: `main` is above all folders, and the
# documented API reads the folders up to inference, training, style_transfer.
_ROOT_FILES = {'__init__.py', 'main.py', 'py.typed'}
# Rules beyond the table: who may import, of the folders below, not all.
_NOT_FROM = {
  'algorithms': ('devices', 'config', 'data'),
  'data': ('devices',),
  'nn': ('core',),
}


def _module(path: pathlib.Path) -> str:
  return '.'.join(path.relative_to(_ROOT).with_suffix('').parts).removesuffix(
    '.__init__'
  )


_FILES = {_module(p): p for p in sorted(_PACKAGE.rglob('*.py'))}
_EXPERIMENTS = sorted((_ROOT / 'experiments').glob('*.py'))


def _imports(path: pathlib.Path) -> list[tuple[str, bool]]:
  """Return (module or module.name, at_top_level) of every import of a file."""
  tree, found = ast.parse(path.read_text()), []
  inside = {
    id(node)
    for function in ast.walk(tree)
    if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    for node in ast.walk(function)
  }
  for node in ast.walk(tree):
    top = id(node) not in inside
    if isinstance(node, ast.Import):
      found += [(alias.name, top) for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
      assert not node.level, f'{path}: a relative import'
      found += [(f'{node.module}.{alias.name}', top) for alias in node.names]
  return found


@functools.cache
def _modules(path: pathlib.Path) -> set[str]:
  """Return the modules of art_jax that a file imports, wherever it does."""
  found = set()
  for name, _ in _imports(path):
    if name.split('.')[0] == 'art_jax':
      found.add(name if name in _FILES else name.rpartition('.')[0])
  return found


@functools.cache
def _reached(module: str) -> frozenset[str]:
  """Return all that a module imports, directly or through others."""
  reached, ahead = set(), [module]
  while ahead:
    path = _FILES.get(ahead.pop())
    for name in _modules(path) - reached if path else ():
      reached.add(name)
      ahead.append(name)
  return frozenset(reached)


def _folder(module: str) -> str:
  return (module.split('.') + [''])[1]


def _wrong(module: str, imported: frozenset[str] | set[str]) -> list[str]:
  """Return what a module should not know of."""
  here = _folder(module)
  return sorted(
    name
    for name in imported
    if _folder(name) != here and _LEVEL.get(_folder(name), 1) >= _LEVEL[here]
  )


def test_every_folder_has_its_layer():
  folders = {p.name for p in _PACKAGE.iterdir() if (p / '__init__.py').exists()}
  assert folders == set(_LEVEL)
  files = {p.name for p in _PACKAGE.iterdir() if p.is_file()}
  assert files <= _ROOT_FILES


@pytest.mark.slow
@pytest.mark.parametrize('folder', _LEVEL)
def test_imports_point_down(folder):
  for module in _FILES:
    if _folder(module) == folder:
      wrong = _wrong(module, _reached(module))
      assert not wrong, f'{module} imports, directly or not, {wrong}'
      rules = _NOT_FROM.get(folder, ())
      wrong = [m for m in _modules(_FILES[module]) if _folder(m) in rules]
      assert not wrong, f'{module} imports {wrong}'


def test_an_import_that_points_up_is_found():
  assert _wrong('art_jax.nn.conv', {'art_jax.core.errors'})  # beside it
  assert _wrong('art_jax.data.decode', {'art_jax.runs.folder'})
  assert _wrong('art_jax.runs.folder', {'art_jax.nowhere'})
  assert not _wrong('art_jax.runs.folder', {'art_jax.data.decode'})
  assert 'art_jax.core.errors' in _reached('art_jax.training.loop')


def _starts(name: str, *prefixes: str) -> bool:
  return any(name == p or name.startswith(p + '.') for p in prefixes)


def test_some_libraries_have_one_door():
  for path in [*_FILES.values(), *_EXPERIMENTS]:
    where = path.relative_to(_ROOT).as_posix()
    for name, top in _imports(path):
      if _starts(name, 'jax.sharding', 'jax.experimental.mesh_utils'):
        assert where == 'art_jax/devices/mesh.py', name
      if _starts(name, 'tensorflow', 'tensorflow_datasets'):
        assert where.startswith('art_jax/data/'), name
        assert not top, f'{where} imports {name} outside a function'
      if _starts(name, 'absl.flags'):
        assert where.startswith('art_jax/cli/') or where == 'art_jax/main.py'
      if _starts(name, 'experiments', 'art_jax.experiments', 'torch', 'tools'):
        raise AssertionError(f'{where} imports {name}')


def test_experiments_import_models_and_data_alone():
  allowed = ('core', 'config', 'algorithms', 'nn', 'losses', 'data')
  for path in _EXPERIMENTS:
    wrong = [m for m in _modules(path) if _folder(m) not in (*allowed, '')]
    assert not wrong, f'{path.name} imports {wrong}'


def test_no_vague_names():
  vague = {'utils', 'util', 'helpers', 'misc', 'manager', 'base', 'common'}
  assert not [m for m in _FILES if m.rpartition('.')[2] in vague]
