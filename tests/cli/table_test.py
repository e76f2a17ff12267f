"""The table of modes: which flags and positionals each takes, and its help."""

import ast
import pathlib

import pytest
from absl import flags

from art_jax.cli import arguments, help
from art_jax.cli.flags import MEANINGS, NAMES
from art_jax.cli.table import MODES, taking

_CLI = pathlib.Path(arguments.__file__).parent
_MODULES = {p.stem for p in (_CLI / 'modes').glob('*.py')} - {'__init__'}
# Read before a mode begins: by the parser and by `entry.main`.
_OF_ALL = {'mode', 'compile_cache'}
# Read by `options.model`, for modes that take weights in place of a run, and
# by `options.experiment`, for modes that take a set of pictures.
# The folder `runs` has the name of a flag.
_NOT_OFFERED = {
  'evaluate': {'weights'},
  'publish': {'weights'},
  'stylize': {'data'},
  'train': {'runs'},
  'sweep': {'runs'},
}


def _functions(path):
  tree = ast.parse(path.read_text())
  return {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}


_OPTIONS = _functions(_CLI / 'options.py')


def _strings(node):
  """Yield the strings in tuples and calls, such as need(flags, 'output')."""
  for part in ast.walk(node):
    if isinstance(part, ast.Tuple | ast.Call):
      items = part.elts if isinstance(part, ast.Tuple) else part.args
      yield from (i.value for i in items if isinstance(i, ast.Constant))


def _read(tree) -> set[str]:
  """Return the flags that code reads, itself or by functions of options.py."""
  names = set(_strings(tree)) & set(NAMES)
  for node in ast.walk(tree):
    match node:
      case ast.Attribute(value=ast.Name('flags'), attr=name):
        names.add(name)
      case ast.Subscript(
        value=ast.Name('flags'), slice=ast.Constant(value=name)
      ):
        names.add(name)
      case ast.Attribute(value=ast.Name('options'), attr=name):
        names |= _read(_OPTIONS[name])
      case ast.Call(func=ast.Name(name)) if name in _OPTIONS:
        names |= _read(_OPTIONS[name])
  return names


def _trees(name):
  """Yield the module of a mode and the modules beside it that it imports."""
  tree = ast.parse((_CLI / 'modes' / f'{name}.py').read_text())
  yield tree
  for node in ast.walk(tree):
    if isinstance(node, ast.ImportFrom) and node.module.endswith('cli.modes'):
      for alias in node.names:
        yield from _trees(alias.name)


@pytest.mark.parametrize('name', MODES)
def test_a_mode_takes_what_its_code_reads(name):
  read = set().union(*map(_read, _trees(name)))
  assert read - _OF_ALL - _NOT_OFFERED.get(name, set()) == (
    set(MODES[name].flags) - _OF_ALL
  )


def test_modes_modules_and_flags_agree():
  parts = {'stylize_clip'}  # of stylize
  assert set(MODES) == _MODULES - parts
  taken = {flag for mode in MODES.values() for flag in mode.flags}
  assert taken | {'mode'} == set(NAMES)
  for mode in MODES.values():
    assert len(set(mode.flags)) == len(mode.flags)
    assert not mode.flag or mode.flag in mode.flags
    assert set(mode.instead) <= set(mode.flags)
  for flag, meanings in MEANINGS.items():
    assert set(meanings) - {''} <= set(taking(flag)), flag


@pytest.mark.parametrize('name', MODES)
def test_help_shows_the_flags_of_a_mode_alone(name):
  mode = MODES[name]
  text = help.of_mode(mode)
  shown = {
    line.split('=')[0].strip().split()[0].replace('[no]', '')[2:]
    for line in text.splitlines()
    if line.startswith('  --')
  }
  assert shown == set(mode.flags) - {mode.flag}
  assert not [
    other for other in MODES if f' {other}: ' in ' '.join(text.split())
  ]
  assert all(len(line) <= 80 for line in text.splitlines()[:-1])
  assert text.splitlines()[-1].startswith(f'Example:  art_jax {name}')
  assert f'  {name}' in help.overview()


@pytest.mark.parametrize('name', MODES)
def test_the_example_is_taken(name, monkeypatch):
  flags.FLAGS.unparse_flags()
  monkeypatch.setattr(arguments, '_require_kind', lambda *unused: None)
  words = ['art_jax', name, *MODES[name].example.split()]
  rest = arguments.parse(words)
  assert flags.FLAGS.mode == name
  if MODES[name].many:
    assert rest[1:] == [w for w in words[2:] if not w.startswith('--')]
  else:
    assert len(rest) == 1
  flags.FLAGS.unparse_flags()
