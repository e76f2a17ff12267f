"""Imports point one way, and some libraries have one door."""

import ast
import pathlib

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_FILES = sorted((_ROOT / 'art_jax').rglob('*.py')) + sorted(
  (_ROOT / 'experiments').glob('*.py')
)


def _imports(path: pathlib.Path):
  """Yield (module, at_top_level) of every import in a file."""
  tree = ast.parse(path.read_text())
  inside = {
    id(node)
    for function in ast.walk(tree)
    if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    for node in ast.walk(function)
  }
  for node in ast.walk(tree):
    top = id(node) not in inside
    if isinstance(node, ast.Import):
      for alias in node.names:
        yield alias.name, top
    elif isinstance(node, ast.ImportFrom):
      for alias in node.names:
        yield f'{node.module}.{alias.name}', top


def _starts(name: str, *prefixes: str) -> bool:
  return any(name == p or name.startswith(p + '.') for p in prefixes)


@pytest.mark.parametrize('path', _FILES, ids=lambda p: str(p.name))
def test_doors(path):
  where = path.relative_to(_ROOT).as_posix()
  for name, top in _imports(path):
    if _starts(name, 'jax.sharding', 'jax.experimental.mesh_utils'):
      assert where == 'art_jax/devices/mesh.py', name
    if _starts(name, 'tensorflow', 'tensorflow_datasets'):
      assert where.startswith('art_jax/data/'), name
      assert not top, f'{where} imports {name} outside a function'
    if _starts(name, 'absl.flags'):
      assert where == 'art_jax/main.py' or where.startswith('tools/'), name
    if _starts(name, 'experiments', 'art_jax.experiments', 'torch'):
      raise AssertionError(f'{where} imports {name}')


# Layer -> what it must not know of.
_FORBIDDEN = {
  'art_jax/nn/': (
    *('algorithms', 'losses', 'trainable', 'optim', 'data', 'loop'),
    *('core', 'config', 'sharding', 'checkpoint', 'writer'),
  ),
  'art_jax/losses/': (
    *('algorithms', 'trainable', 'optim', 'data', 'loop', 'config'),
    *('sharding', 'checkpoint', 'writer'),
  ),
  'art_jax/algorithms/': (
    *('loop', 'data', 'config', 'sharding', 'checkpoint', 'writer', 'run'),
  ),
  'art_jax/data/': (
    *('algorithms', 'nn', 'losses', 'loop', 'trainable', 'optim', 'run'),
  ),
  'art_jax/core.py': (
    *('algorithms', 'nn', 'losses', 'loop', 'trainable', 'optim', 'data'),
  ),
  'experiments/': ('loop', 'sharding', 'checkpoint', 'writer', 'config'),
}


@pytest.mark.parametrize('path', _FILES, ids=lambda p: str(p.name))
def test_imports_point_one_way(path):
  where = path.relative_to(_ROOT).as_posix()
  names = [name for name, _ in _imports(path)]
  for layer, forbidden in _FORBIDDEN.items():
    if where.startswith(layer):
      for name in names:
        wrong = _starts(name, *(f'art_jax.{f}' for f in forbidden))
        assert not wrong, f'{where} imports {name}'


def test_no_vague_names():
  vague = {'utils', 'util', 'helpers', 'misc', 'manager', 'base', 'common'}
  assert not [p for p in _FILES if p.stem in vague]
