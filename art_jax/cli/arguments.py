"""Reads the arguments: which mode, what it works on, which flags it takes.

Nothing here imports jax: a wrong word is refused at once.
"""

import difflib
import pathlib
import re
import sys
from collections.abc import Sequence

from absl import flags

from art_jax.cli import table
from art_jax.cli.flags import FLAGS, NAMES
from art_jax.config import experiment_files

_HELP = re.compile(r'-h|-\?|--?help(full|short|xml)?(=.*)?')


def parse(argv: Sequence[str]) -> list[str]:
  """Set the flags; return the program's name and the names of a mode of many.

  The first word is the mode, unless the mode is given as --mode.

  Raises:
    flags.Error, ValueError: naming the value, the rule and the next step.
  """
  program, *words = argv
  bare = (word.removeprefix('--mode=') for word in words)
  named = [name for name in bare if name in table.MODES]
  if not words or any(map(_HELP.fullmatch, words)):
    words = ['help', *named]
  FLAGS.set_gnu_getopt(True)  # flags may stand after the positionals
  try:
    rest = FLAGS([program, *words])[1:]
  except (flags.Error, ValueError) as error:
    about = named[0] if named else 'MODE'
    raise flags.Error(
      f'{error}; `art_jax help {about}` lists the flags'
    ) from None
  short = bool(rest) and not FLAGS['mode'].present
  if short:
    _set('mode', find_mode(rest.pop(0)).name)
  mode = table.MODES[FLAGS.mode]
  _require_flags_of(mode, short)
  if mode.name == 'help':
    rest = [find_mode(name).name for name in rest]
  if not mode.many:
    _set_positional(mode, rest, short)
  return [program, *rest]


def find_mode(name: str) -> table.Mode:
  """Return a mode by its name.

  Raises:
    flags.Error: there is none; it says what the name is instead.
  """
  if name in table.MODES:
    return table.MODES[name]
  _require(
    '=' not in name,
    f'{name!r} is neither a mode nor a flag; flags start with --: --{name}',
  )
  _require(
    not _is_run(name),
    f'{name!r} is a run, and the first word is a mode: art_jax report {name} '
    '(or sample, translate, evaluate, ...)',
  )
  _require(
    not _is_experiment(name),
    f'{name!r} is an experiment, and the first word is a mode: '
    f'art_jax train {name} (or describe, benchmark, sweep, ...)',
  )
  near = difflib.get_close_matches(name, table.MODES, n=3, cutoff=0.4)
  names = [*near, *(known for known in table.MODES if known not in near)]
  raise flags.Error(
    f'there is no mode {name!r}; there are: {", ".join(names)}; `art_jax help` '
    'explains them'
  )


def _require(holds: object, message: str) -> None:
  if not holds:
    raise flags.Error(message)


def _require_flags_of(mode: table.Mode, short: bool) -> None:
  """Refuse flags that a mode does not take; in the absl form, warn of them."""
  taken = {'mode', *mode.flags}
  for name in [n for n in NAMES if FLAGS[n].present and n not in taken]:
    takers = ', '.join(table.taking(name))
    _require(
      not short,
      f'{mode.name} does not take --{name}; modes that do: {takers}; '
      f'`art_jax help {mode.name}` lists its flags',
    )
    print(
      f'art_jax: --{name} is ignored: {mode.name} does not take it (modes that '
      f'do: {takers})',
      file=sys.stderr,
    )
    FLAGS[name].unparse()


def _set_positional(mode: table.Mode, rest: list[str], short: bool) -> None:
  """Set the flag that a positional stands for, and check what it names.

  Removes the positional from `rest`.
  """
  if rest and not short:
    raise flags.Error(
      f'{rest[0]!r} is not a flag; write --flag=value, or the short form: '
      f'art_jax {mode.name} {rest[0]}'
    )
  takes = f'one {mode.takes}' if mode.takes else 'nothing but flags'
  _require(
    len(rest) <= bool(mode.takes),
    f'{mode.name} takes {takes}, and {" ".join(rest)!r} was given; flags '
    'start with --, fields are changed by --set path=value',
  )
  if not mode.flag:
    return
  if rest:
    word = rest.pop()
    _require(
      not FLAGS[mode.flag].present or FLAGS[mode.flag].value == word,
      f'{word!r} and --{mode.flag}={FLAGS[mode.flag].value} name two things; '
      'give one of them',
    )
    _set(mode.flag, word)
  value = FLAGS[mode.flag].value
  if value:
    _require_kind(mode, value)
  elif not any(FLAGS[name].value for name in mode.instead):
    others = ''.join(f' or --{name}' for name in mode.instead)
    what = {
      'run': 'a RUN (--run)',
      'experiment': 'an EXPERIMENT (--experiment; `art_jax list` shows them)',
    }[mode.flag]
    raise flags.Error(
      f'{mode.name} needs {what}{others}; for example: '
      f'art_jax {mode.name} {mode.example}'
    )


def _require_kind(mode: table.Mode, value: str) -> None:
  """Refuse a run where an experiment is needed, and the other way round."""
  if mode.flag == 'experiment' and _is_run(value):
    use = f'art_jax report {value} (or sample, translate, evaluate, ...)'
    if mode.name == 'stylize':
      use = f'art_jax stylize --run={value}'
    raise flags.Error(
      f'{value!r} is a run, and {mode.name} needs an EXPERIMENT '
      f'(`art_jax list` shows them); to use the run: {use}'
    )
  if mode.flag == 'run' and not _is_run(value) and _is_experiment(value):
    folder = f'runs/{pathlib.Path(value).stem}'
    raise flags.Error(
      f'{value!r} is an experiment, and {mode.name} needs a RUN, the folder '
      f'that training wrote: art_jax {mode.name} {folder}, after '
      f'art_jax train {value}'
    )


def _is_run(name: str) -> bool:
  return (pathlib.Path(name).expanduser() / 'config.txt').is_file()


def _is_experiment(name: str) -> bool:
  if name.endswith('.py'):
    return pathlib.Path(name).is_file()
  return not pathlib.Path(name).exists() and name in experiment_files.files()


def _set(name: str, value: str) -> None:
  flag = FLAGS[name]
  if not flag.present:
    flag.parse(value)
    flag.using_default_value = False
