"""tools/command.py: what the command line makes of a signature."""

import dataclasses
import importlib
from collections.abc import Sequence
from typing import Literal

import pytest

from art_jax import core
from tools import command


@dataclasses.dataclass(frozen=True)
class Rates:
  """How fast.

  Attributes:
    rate: of learning,
      per step.
  """

  rate: float = 0.25


@dataclasses.dataclass(frozen=True)
class Plan(Rates):
  """How."""

  rate: float = 0.5


def main(
  kind: Literal['a', 'b'],
  runs: tuple[str, ...],
  plan: Plan,
  *,
  output: str,
  sizes: tuple[int, ...] = (1, 2),
  set_: Sequence[str] = (),
  steps: command.Count = 3,
  fast: bool = False,
):
  """Do.

  Args:
    kind: which.
  """
  del kind, output, sizes, set_, steps, fast
  if not runs[0]:
    raise core.UserError('no run')
  return int(plan.rate)


def test_positions_and_flags_in_any_order():
  words = ['a', '--output=o', 'x', 'y', '--set', 'f=(1, 2)', '--set=g=3']
  flags = ['--sizes=3,4', '--rate=7', '--fast', '--steps=9']
  assert command.parse(main, words + flags) == {
    'kind': 'a',
    'runs': ('x', 'y'),
    'plan': Plan(7.0),
    'output': 'o',
    'sizes': (3, 4),
    'set_': ['f=(1, 2)', 'g=3'],
    'steps': 9,
    'fast': True,
  }
  assert command.call(main, words + flags) == 7


def test_defaults():
  values = command.parse(main, ['--kind=b', '--runs=x,y', '--output=o'])
  assert values['runs'] == ('x', 'y') and values['plan'] == Plan()
  assert values['sizes'] == (1, 2) and not values['set_'] and not values['fast']


@pytest.mark.parametrize(
  'arguments, message',
  [
    (['c', 'x', '--output=o'], 'kind=c: value should be one of <a|b>'),
    (['a', '--output=o'], 'RUNS is missing'),
    (['a', 'x'], '--output=... is missing'),
    (['a', 'x', '--output=o', '--steps=0'], 'steps=0'),
    (['a', 'x', '--output=o', '--sizes=q'], '--sizes: invalid literal'),
    (['a', 'x', '--output=o', '--seed=1'], "'seed'"),
    (['a', '', '--output=o'], 'no run'),
  ],
)
def test_bad_input(arguments, message, capsys):
  assert command.call(main, arguments) == 2
  error = capsys.readouterr().err
  assert error.startswith('command_test: ') and message in error


def test_help_has_the_texts_of_the_docstrings(capsys):
  assert command.call(main, ['--help']) == 0
  text = capsys.readouterr().out
  assert 'what the command line makes' in text
  assert '--rate: of learning, per step.' in text
  assert '--kind: <a|b>: which.' in text


@pytest.mark.parametrize(
  'tool',
  [
    'benchmarks.bench_peers --only=x,y',
    'studies.originals --only=x,y',
    'studies.tables stabilizer --only=x,y',
    'studies.which_model --only=x,y',
    'robustness.fuzz --kind=x,y',
  ],
)
def test_an_unknown_name_is_refused_with_the_known_ones(tool, capsys):
  name, *words = tool.split()
  main = importlib.import_module(f'tools.{name}').main
  assert command.call(main, words) == 2
  assert '=x,y: not known; pass some of ' in capsys.readouterr().err


def test_names_are_all_by_default():
  assert command.chosen('only', (), {'a': 1, 'b': 2}) == ['a', 'b']
  assert command.chosen('only', ('b',), 'ab') == ['b']


def test_table():
  text = command.table(['', 'kid'], [['a', '1'], ['b', '2']])
  assert text.splitlines() == [
    '| | kid |',
    '|---|---|',
    '| a | 1 |',
    '| b | 2 |',
  ]
