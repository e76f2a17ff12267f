"""Former names: every row of the table loads, by every way, with a notice."""

import contextlib
import dataclasses
import importlib
import logging
import subprocess
import sys
from typing import Any

import pytest

from art_jax import core
from art_jax.config import experiments, renamed, serialization


@pytest.fixture(autouse=True)
def notices(caplog):
  """Forget which notices were given; return the log of this test."""
  renamed.notice.cache_clear()
  caplog.set_level(logging.WARNING)
  return caplog


def _rows(*kinds):
  return [
    pytest.param(row, id=row.old) for row in renamed.TABLE if row.kind in kinds
  ]


@dataclasses.dataclass(frozen=True)
class Holder:
  """An object in a field, for paths of --set."""

  node: Any
  train: core.Train = core.Train(duration=1, batch_size=1)


class Case:
  """What to write for a row of a field or value, and what it means."""

  def __init__(self, row):
    name, self.old = row.old.partition('=')[0].split('.')
    self.new = row.new.partition('=')[0].split('.')[1:]
    self.cls = serialization.config_class(name)
    plain = _make(self.cls)
    self.content = self.expected = _read(plain, self.new)
    if row.kind == 'value':
      texts = [text.partition('=')[2] for text in (row.old, row.new)]
      if isinstance(self.content, tuple):
        texts = [(text,) for text in texts]
      self.content, self.expected = texts
      return
    for other in _others(self.content):
      path = '.'.join(['node', *self.new])
      with contextlib.suppress(core.UserError):
        experiments.override(
          Holder(plain), [f'{path}={serialization.to_text(other)}']
        )
        self.content = self.expected = other

  def check(self, made):
    assert type(made) is self.cls
    assert _read(made, self.new) == self.expected


def _read(value, path):
  for name in path:
    value = getattr(value, name)
  return value


def _others(default):
  """Return values of the type of a default that it is not."""
  if isinstance(default, bool):
    return [not default]
  if isinstance(default, int | float):
    return [default / 2 if isinstance(default, float) else 0, default + 1]
  return []


def _required(cls, *without):
  """Return the text of the arguments without which a class is not made."""
  samples = {'str': "'x'", 'tuple': '()'}
  return ''.join(
    f', {f.name}={samples.get(getattr(f.type, "__name__", ""), "1")}'
    for f in serialization.config_fields(cls)
    if f.default is dataclasses.MISSING
    and f.default_factory is dataclasses.MISSING
    and f.name not in without
  )


def _make(cls):
  return serialization.from_text(f'{cls.__name__}({_required(cls)[2:]})')


def _assert_one_notice(notices, row):
  assert [row.old in m and row.new in m for m in notices.messages] == [True]


@pytest.mark.parametrize('row', _rows('field', 'value'))
def test_config_with_a_former_name_is_read(row, notices):
  case = Case(row)
  content = serialization.to_text(case.content)
  rest = _required(case.cls, *case.new)
  case.check(
    serialization.from_text(f'{case.cls.__name__}({case.old}={content}{rest})')
  )
  _assert_one_notice(notices, row)


@pytest.mark.parametrize('row', _rows('field', 'value'))
def test_set_takes_a_former_name(row, notices):
  case = Case(row)
  text = serialization.to_text(case.content)
  holder = Holder(_make(case.cls))
  case.check(experiments.override(holder, [f'node.{case.old}={text}']).node)
  _assert_one_notice(notices, row)


@pytest.mark.parametrize('row', _rows('field', 'value'))
def test_file_with_a_former_name_is_run(row, notices, tmp_path):
  case = Case(row)
  rest = _required(case.cls, *case.new)
  path = tmp_path / 'mine.py'
  path.write_text(
    f'from {case.cls.__module__} import {case.cls.__name__} as Made\n'
    'import dataclasses\n'
    'def experiment():\n'
    f'  return Made({case.old}=CONTENT{rest})\n'
    'def tiny():\n'
    f'  return dataclasses.replace(Made({_required(case.cls)[2:]}), '
    f'{case.old}=CONTENT)\n'
  )
  module = experiments.load_module(str(path))
  module.CONTENT = case.content
  case.check(module.experiment())
  case.check(module.tiny())
  _assert_one_notice(notices, row)
  if row.kind == 'field':
    path = experiments.current_path(Holder(module.tiny()), f'node.{case.old}')
    assert path == '.'.join(['node', *case.new])
    # Nothing outside that file has changed.
    with pytest.raises(TypeError):
      case.cls(**{case.old: case.content})


@pytest.mark.parametrize('row', _rows('option'))
def test_former_value_of_an_option_is_taken(row, notices):
  name, text = row.old.split('=')
  assert f'{name}={renamed.option(name, text)}' == row.new
  _assert_one_notice(notices, row)
  assert renamed.option(name, 'other') == 'other'


@pytest.mark.parametrize('row', _rows('class'))
def test_config_with_a_former_class_is_read(row, notices):
  cls = serialization.config_class(row.new)
  value = serialization.from_text(f'{row.old}({_required(cls)[2:]})')
  assert type(value) is cls
  _assert_one_notice(notices, row)


def _forget(path):
  """Undo the import of a module, or of what is no module."""
  parent, _, name = path.rpartition('.')
  sys.modules.pop(path, None)
  vars(sys.modules.get(parent, _forget)).pop(name, None)


@pytest.mark.parametrize('row', _rows('import'))
def test_former_import_is_found(row, tmp_path, notices):
  module, _, name = row.old.rpartition('.')
  _forget(row.old)
  path = tmp_path / 'mine.py'
  path.write_text(
    f'from {module} import {name}\ndef experiment():\n  return {name}\n'
  )
  with pytest.warns(DeprecationWarning, match=row.new):
    found = experiments.load(str(path))
  assert found is _import(row.new)
  _assert_one_notice(notices, row)


def _import(path):
  try:
    return importlib.import_module(path)
  except ModuleNotFoundError:
    module, _, name = path.rpartition('.')
    return getattr(importlib.import_module(module), name)


@pytest.mark.slow
@pytest.mark.process
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
  _forget('art_jax.optim')
  with pytest.raises(ModuleNotFoundError):
    importlib.import_module('art_jax.optims')
  with pytest.raises(ImportError), pytest.warns(DeprecationWarning):
    from art_jax.optim import Adan  # noqa: F401


def test_table_is_consistent():
  olds = [(row.kind, row.old) for row in renamed.TABLE]
  assert len(set(olds)) == len(olds)
  for row in renamed.TABLE:
    assert row.kind in ('import', 'class', 'field', 'value', 'option')
    assert row.version > '0.1.0'


_FILE_0_1_0 = '''"""Mine: a Wasserstein GAN of small paintings."""

from art_jax import core, optim
from art_jax.algorithms.gan import GAN
from art_jax.algorithms.gan_parts import CriticWarmup
from art_jax.data.sources import Builtin
from art_jax.losses.adversarial import Wasserstein
from art_jax.nn.dcgan import DCGANDiscriminator, DCGANGenerator


def _gan(**more):
  return GAN(
    generator=DCGANGenerator(32, width=4, latent_size=16, enlarge='resize'),
    discriminator=DCGANDiscriminator(width=4),
    loss=Wasserstein(),
    generator_optimizer=optim.RMSProp(learning_rate=5e-5),
    n_critic=2,
    warmup=CriticWarmup(every=7),
    replay_every=3,
    ema_decay=0.5,
    **more,
  )


def experiment():
  return core.Experiment(
    algorithm=_gan(augment=('colour', 'translation')),
    data=core.Data(source=Builtin(layout='images', count=32), size=32),
    train=core.Train(duration=4, batch_size=4),
  )


def tiny():
  return experiment()
'''


def test_whole_experiment_file_of_0_1_0(tmp_path):
  path = tmp_path / 'mine.py'
  path.write_text(_FILE_0_1_0)
  experiment = experiments.load(str(path))
  algorithm = serialization.from_text(
    'GAN(generator=DCGANGenerator(size=32, width=4, latent_size=16, '
    "enlarge='resize'), discriminator=DCGANDiscriminator(width=4), "
    'loss=Wasserstein(), generator_optimizer=RMSProp(learning_rate=5e-05), '
    'n_critic=2, warmup=CriticWarmup(every=7), replay_every=3, ema_decay=0.5, '
    "augment=('colour', 'translation'))"
  )
  assert experiment.algorithm == algorithm
  changed = experiments.override(
    experiment, ['algorithm.replay_every=0', 'algorithm.ema_decay=0.25']
  )
  text = serialization.to_text(changed)
  assert 'replay_every=0,' in text and 'ema_decay=0.25,' in text
  assert serialization.from_text(text) == changed
  assert experiments.load(str(path), tiny=True) == experiment


def test_unknown_names_are_refused_as_ever(tmp_path):
  with pytest.raises(core.UserError, match="GAN has no field 'replay_evry'"):
    serialization.from_text('GAN(replay_evry=3)')
  path = tmp_path / 'mine.py'
  path.write_text(_FILE_0_1_0.replace('ema_decay', 'ema_decai'))
  with pytest.raises(TypeError, match='ema_decai'):
    experiments.load(str(path))
