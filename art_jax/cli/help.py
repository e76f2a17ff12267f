"""What `art_jax help` prints."""

import textwrap

from art_jax.cli.flags import FLAGS, MEANINGS
from art_jax.cli.table import MODES, Mode

_WIDTH = 80
_POSITIONAL = {
  'EXPERIMENT': 'name that `art_jax list` shows, or path of a .py file',
  'RUN': 'folder that training wrote, such as runs/cyclegan_demo',
  'FOLDER': 'folder of run folders; default: runs',
  'NAME': 'name of the weights; without one, all are listed',
  'SHELL': 'bash or zsh.',
  'MODE': 'name of a mode',
}


def overview() -> str:
  """Return the list of modes."""
  width = max(map(len, MODES))
  rows = [f'  {mode.name:{width}}  {mode.help}' for mode in MODES.values()]
  return '\n'.join(
    (
      'usage: art_jax MODE [EXPERIMENT | RUN] [--flags]',
      '',
      'Train, sample and compare the classic art-generation models.',
      '',
      *rows,
      '',
      'Start with:  art_jax train cyclegan_demo',
      'Flags of a mode, with an example:  art_jax help MODE',
      '`python -m art_jax.main --mode=MODE --experiment=NAME` is the same.',
      '',
      'Exit codes: 0 done, 1 a bug, 2 bad input, 3 stopped by an alarm or a',
      'bad number, 74 the disk failed, 75 stopped on request after a',
      'checkpoint, 134 another process of the run was lost.',
    )
  )


def of_mode(mode: Mode) -> str:
  """Return the flags of a mode, with their defaults and an example."""
  lines = [f'usage: {_usage(mode)}', '', mode.help]
  if mode.takes:
    same = f' (or --{mode.flag}=...)' if mode.flag else ''
    lines += ['', *_entry(mode.takes, _POSITIONAL[mode.takes] + same)]
    if mode.instead:
      flags = ' or '.join(f'--{name}' for name in mode.instead)
      lines += _entry('', f'not needed with {flags}')
  shown = [name for name in mode.flags if name != mode.flag]
  if shown:
    rows = [row for name in shown for row in _flag(name, mode.name)]
    lines += ['', 'Flags:', *rows]
  lines += ['', f'Example:  art_jax {mode.name} {mode.example}'.rstrip()]
  return '\n'.join(lines)


def _usage(mode: Mode) -> str:
  takes = f'{mode.takes}...' if mode.many else mode.takes
  if mode.instead or mode.name in ('fetch', 'help', 'studio'):
    takes = f'[{takes}]'
  flags = '[--flags]' if mode.flags else ''
  return ' '.join(filter(None, ('art_jax', mode.name, takes, flags)))


def _flag(name: str, mode: str) -> list[str]:
  flag, meanings = FLAGS[name], MEANINGS[name]
  text = meanings[mode if mode in meanings else '']
  if flag.default not in (None, [], False, 0):
    text += f' Default: {str(flag.default_as_str).strip(chr(39))}.'
  if flag.boolean:
    return _entry(f'--[no]{name}' if flag.default else f'--{name}', text)
  choices = getattr(flag.parser, 'enum_values', None)
  kind = '|'.join(choices) if choices else _KINDS[flag.flag_type()]
  return _entry(f'--{name}={kind}', text)


_KINDS = {
  'int': 'N',
  'float': 'X',
  'string': 'TEXT',
  'multi string': 'TEXT',
  'comma separated list of strings': 'A,B',
}


def _entry(name: str, text: str) -> list[str]:
  """Return a name and what it means, in two columns."""
  if len(name) > 21:
    return [f'  {name}', *_entry('', text)]
  return textwrap.wrap(
    text,
    _WIDTH,
    initial_indent=f'  {name:<22}',
    subsequent_indent=' ' * 24,
    break_on_hyphens=False,
  )
