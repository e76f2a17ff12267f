"""Makes a command of a function: its parameters are the command line.

  def main(run: str, *, steps: command.Count = 100, only: tuple[str, ...] = ()):
    ...  # NAME RUN --steps=50 --only=a,b

  if __name__ == '__main__':
    command.run(main)

Every parameter is a flag of absl, and those before the `*` may be given by
position too. A Literal is an enum; a tuple is a list with commas, or all that
is left if it is given by position; a Sequence is a flag that may be repeated.
A parameter that is a dataclass stands for its fields. The texts of --help are
those of `Args:` and `Attributes:` in the docstrings; a trailing underscore is
not part of a flag.
"""

import contextlib
import dataclasses
import inspect
import pathlib
import re
import sys
import tempfile
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal, NoReturn

from absl import flags, logging

from art_jax import core
from art_jax.cli import terminal

Count = Annotated[int, 1]
"""An int that is at least 1."""

_EMPTY = inspect.Parameter.empty
_DEFINE: dict[Any, Callable[..., Any]] = {
  str: flags.DEFINE_string,
  bool: flags.DEFINE_bool,
  int: flags.DEFINE_integer,
  float: flags.DEFINE_float,
  Sequence: flags.DEFINE_multi_string,
  tuple: flags.DEFINE_list,
  Literal: flags.DEFINE_enum,
}


def run(main: Callable[..., int | None], *, quiet: bool = False) -> NoReturn:
  """Call `main` with the arguments of this process and exit with its code.

  Args:
    main: the command; it returns an exit code, or None for 0.
    quiet: show no log messages.
  """
  terminal.guard_streams()
  if quiet:
    logging.set_verbosity(logging.FATAL)
  sys.exit(call(main, sys.argv[1:]))


def call(main: Callable[..., int | None], arguments: Sequence[str]) -> int:
  """Call `main` with these arguments; return its exit code, 2 for bad input."""
  module = sys.modules[main.__module__]
  try:
    if '--help' in arguments:
      print(f'{module.__doc__}\n{_defined(main).module_help(__name__)}')
      return 0
    return main(**parse(main, arguments)) or 0
  except (flags.Error, core.UserError) as error:
    name = pathlib.Path(module.__file__ or '').stem
    print(f'{name}: {error}', file=sys.stderr)
    return 2


def chosen(flag: str, names: Sequence[str], known: Iterable[str]) -> list[str]:
  """Return the names that a flag chooses, all that are known by default.

  Raises:
    core.UserError: listing what is known, if a name is not.
  """
  known = list(known)
  unknown = ','.join(name for name in names if name not in known)
  core.require(
    not unknown,
    f'--{flag}={unknown}: not known; pass some of {",".join(known)}',
  )
  return list(names) or known


@contextlib.contextmanager
def folder(prefix: str = 'art_jax_') -> Iterator[pathlib.Path]:
  """Yield a new folder, which is removed at the end."""
  with tempfile.TemporaryDirectory(prefix=prefix) as name:
    yield pathlib.Path(name)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
  """Return a Markdown table."""
  first, *lines = (f'| {" | ".join(row)} |' for row in (header, *rows))
  rule = '|---' * len(header) + '|'
  return '\n'.join([first.replace('|  |', '| |'), rule, *lines])


def parse(main: Callable, arguments: Sequence[str]) -> dict[str, Any]:
  """Return the values of the parameters of `main`.

  Raises:
    flags.Error: an argument is unknown, missing or of a wrong type.
  """
  values = _defined(main)
  words, result = values(['', *arguments])[1:], {}
  for parameter, hint, _ in _parameters(main):
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
      fields = _parameters(hint)
      result[parameter.name] = hint(
        **{field.name: _value(values, field, kind) for field, kind, _ in fields}
      )
      continue
    flag = values[_name(parameter)]
    if words and parameter.kind is not parameter.KEYWORD_ONLY:
      if typing.get_origin(hint) is tuple:
        flag.value, words = words, []
      else:
        flag.parse(words.pop(0))
    result[parameter.name] = _value(values, parameter, hint)
  if words:
    raise flags.Error(f'{words[0]}: one argument too many; see --help')
  return result


def _name(parameter: inspect.Parameter) -> str:
  return parameter.name.rstrip('_')


def _value(values: flags.FlagValues, parameter: inspect.Parameter, hint: Any):
  """Return the value of a flag as its type hint has it."""
  name = _name(parameter)
  value: Any = values[name].value
  if value is None and parameter.default is _EMPTY:
    if parameter.kind is not parameter.KEYWORD_ONLY:
      raise flags.Error(f'{name.upper()} is missing; see --help')
    raise flags.Error(f'--{name}=... is missing; see --help')
  if value is not None and typing.get_origin(hint) is tuple:
    try:
      return tuple(map(typing.get_args(hint)[0], value))
    except ValueError as error:
      raise flags.Error(f'--{name}: {error}') from error
  return value


def _parameters(function: Callable) -> list[tuple[inspect.Parameter, Any, str]]:
  """Return the parameters of a function with their type hints and texts."""
  hints = typing.get_type_hints(function, include_extras=True)
  described = function.__mro__ if isinstance(function, type) else [function]
  docs = '\n'.join(inspect.getdoc(each) or '' for each in described)
  texts = dict(re.findall(r'^  (\w+): (.+(?:\n    .+)*)', docs, re.MULTILINE))
  return [
    (parameter, hints[name], ' '.join(texts.get(name, '').split()))
    for name, parameter in inspect.signature(function).parameters.items()
  ]


def _defined(
  main: Callable, values: flags.FlagValues | None = None
) -> flags.FlagValues:
  """Return the flags of a function, not parsed yet."""
  values = flags.FlagValues() if values is None else values
  values.set_gnu_getopt()
  for parameter, hint, text in _parameters(main):
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
      _defined(hint, values)
    else:
      _define(values, parameter, hint, text)
  return values


def _define(values, parameter: inspect.Parameter, hint: Any, text: str) -> None:
  given: dict[str, Any] = {'flag_values': values, 'help': text}
  if typing.get_origin(hint) is Annotated:
    hint, given['lower_bound'] = typing.get_args(hint)
  if typing.get_origin(hint) in (types.UnionType, typing.Union):
    hint = typing.get_args(hint)[0]  # of `... | None`
  kind = typing.get_origin(hint) or hint
  if kind is Literal:
    given['enum_values'] = typing.get_args(hint)
  default = None if parameter.default is _EMPTY else parameter.default
  if kind is tuple and default is not None:
    default = [str(value) for value in default]
  _DEFINE[kind](_name(parameter), default, **given)
