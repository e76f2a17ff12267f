"""Former names: every row of the table loads, by every way, with a notice."""

import dataclasses
import importlib
import logging
import subprocess
import sys

import pytest

from art_jax import core
from art_jax.config import experiments, renamed, serialization


@pytest.fixture(autouse=True)
def notices(caplog):
  """Forget which notices were given; return the log of this test."""
  renamed._notice.cache_clear()
  caplog.set_level(logging.WARNING)
  return caplog


def _rows(*kinds):
  return [
    pytest.param(row, id=row.old) for row in renamed.TABLE if row.kind in kinds
  ]


def _place(row):
  """Return the class of a row, its former and its present path below it."""
  name, old = row.old.partition('=')[0].split('.')
  new = row.new.partition('=')[0].split('.')[1:]
  return serialization.config_class(name), old, new


def _content(row, cls, path):
  """Return a value to write: of the row, else the default of the field."""
  for name in path[:-1]:
    cls = type(getattr(cls, name))
  default = getattr(cls, path[-1])
  if row.kind == 'value':
    text = row.old.partition('=')[2]
    return (text,) if isinstance(default, tuple) else text
  return default


def _read(value, path):
  for name in path:
    value = getattr(value, name)
  return value


def _expected(row, content):
  if row.kind != 'value':
    return content
  text = row.new.partition('=')[2]
  return (text,) if isinstance(content, tuple) else text


def _required(cls):
  """Return the text of the arguments without which a class is not made."""
  samples = {'str': "'x'", 'tuple': '()'}
  return ''.join(
    f', {f.name}={samples.get(getattr(f.type, "__name__", ""), "1")}'
    for f in serialization.config_fields(cls)
    if f.default is dataclasses.MISSING
    and f.default_factory is dataclasses.MISSING
  )


@pytest.mark.parametrize('row', _rows('field', 'value'))
def test_config_with_a_former_name_is_read(row, notices):
  cls, old, new = _place(row)
  content = _content(row, cls, new)
  text = f'{cls.__name__}({old}={content!r}{_required(cls)})'
  if serialization.is_config(content):
    text = text.replace(repr(content), serialization.to_text(content))
  value = serialization.from_text(text)
  assert _read(value, new) == _expected(row, content)
  assert [row.old in m and row.new in m for m in notices.messages] == [True]


@pytest.mark.parametrize('row', _rows('field', 'value'))
def test_set_takes_a_former_name(row, notices):
  cls, old, new = _place(row)
  content = _content(row, cls, new)

  @dataclasses.dataclass(frozen=True)
  class Holder:
    node: cls
    train: core.Train = core.Train(duration=1, batch_size=1)

  node = serialization.from_text(f'{cls.__name__}({_required(cls)[2:]})')
  text = serialization.to_text(content)
  changed = experiments.override(Holder(node), [f'node.{old}={text}'])
  assert _read(changed.node, new) == _expected(row, content)
  assert [row.old in m and row.new in m for m in notices.messages] == [True]


@pytest.mark.parametrize('row', _rows('field', 'value'))
def test_file_with_a_former_name_is_run(row, notices, tmp_path):
  cls, old, new = _place(row)
  content = _content(row, cls, new)
  path = tmp_path / 'mine.py'
  path.write_text(
    f'from {cls.__module__} import {cls.__name__} as Made\n'
    'import dataclasses\n'
    'def experiment():\n'
    f'  return Made({old}=CONTENT{_required(cls)})\n'
    'def tiny():\n'
    f'  return dataclasses.replace(Made({_required(cls)[2:]}), {old}=CONTENT)\n'
  )
  module = experiments.load_module(str(path))
  module.CONTENT = content
  for made in (module.experiment(), module.tiny()):
    assert _read(made, new) == _expected(row, content)
  assert [row.old in m and row.new in m for m in notices.messages] == [True]
  if row.kind == 'field':  # Nothing outside that file has changed.
    with pytest.raises(TypeError):
      cls(**{old: content})


@pytest.mark.parametrize('row', _rows('class'))
def test_config_with_a_former_class_is_read(row, notices):
  cls = serialization.config_class(row.new)
  value = serialization.from_text(f'{row.old}({_required(cls)[2:]})')
  assert type(value) is cls
  assert [row.old in m and row.new in m for m in notices.messages] == [True]


@pytest.mark.parametrize('row', _rows('import'))
def test_former_import_is_found(row, tmp_path):
  module, _, name = row.old.rpartition('.')
  path = tmp_path / 'mine.py'
  path.write_text(
    f'from {module} import {name}\ndef experiment():\n  return {name}\n'
  )
  with pytest.warns(DeprecationWarning, match=row.new):
    found = experiments.load(str(path))
  assert found is _import(row.new)


def _import(path):
  try:
    return importlib.import_module(path)
  except ModuleNotFoundError:
    module, _, name = path.rpartition('.')
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize(
  'line',
  [
    'from art_jax import optim',
    'from art_jax.optim import Adam',
    'import art_jax.optim',
  ],
)
def test_former_import_outside_an_experiment(line):
  program = (
    'import warnings; warnings.simplefilter("error")\n'
    f'try:\n  {line}\nexcept DeprecationWarning as e: print(e)\n'
    'warnings.simplefilter("ignore")\n'
    f'{line}\nfrom art_jax.optim import SGD\nimport art_jax.optim as former\n'
    'import art_jax.algorithms.optim as today\n'
    'assert former is today and SGD is today.SGD\n'
    'assert today.__spec__.name == "art_jax.algorithms.optim"\n'
  )
  result = subprocess.run(
    [sys.executable, '-c', program], capture_output=True, text=True, check=False
  )
  assert result.returncode == 0, result.stderr
  assert 'art_jax.algorithms.optim' in result.stdout


def test_unknown_import_is_refused():
  with pytest.raises(ModuleNotFoundError):
    importlib.import_module('art_jax.optims')
  with pytest.raises(ImportError), pytest.warns(DeprecationWarning):
    from art_jax.optim import Adan  # noqa: F401


def test_table_is_consistent():
  olds = [(row.kind, row.old) for row in renamed.TABLE]
  assert len(set(olds)) == len(olds)
  for row in renamed.TABLE:
    assert row.kind in ('import', 'class', 'field', 'value')
    assert row.version > '0.1.0'
