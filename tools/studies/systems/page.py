"""The text of docs/originals.md, from what is kept of its rows."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tools import command
from tools.studies.systems.row import Row

_HEAD = """# The originals and ours

Every system of five earlier projects: what the project tried, what failed \
there, the commands that run the same system here, and what ours achieves. \
Every row has a budget in minutes of one core, fixed before its training; when \
the budget is spent, the row reports what it has reached by then. Times are \
CPU time, not wall time. The page is written by

    python -m tools.studies.originals --minutes=60

with a flag for each set of data below, such as `--mnist=mnist.npz`. Each \
start runs what is not yet done, for `--minutes` of one core, and the next \
start continues from there; `--plan` prints the budgets. The results are kept \
in `docs/results/originals`. In the commands, names in capitals stand for the \
data:
"""
DATA = {
  'mnist': 'MNIST as mnist.npz, `keras.datasets.mnist` downloads it',
  'facades': 'the CMP facades, side-by-side pairs in `train` and `val` (for '
  'research only), from <http://efrosgans.eecs.berkeley.edu/pix2pix/datasets/'
  'facades.tar.gz>; here 120 and 15 of them',
  'paintings': 'a folder of 836 paintings by van Gogh, public domain, from '
  '<https://github.com/shreyapat/vangogh>, the shorter side 256 px',
  'content': 'a portrait: `skimage.data.astronaut()`, public domain',
  'style': 'The Starry Night by van Gogh, public domain, at Wikimedia Commons',
  'tubingen': 'the photo of Tübingen of <https://github.com/jcjohnson/'
  'neural-style>, examples/inputs',
  'scream': 'The Scream by Munch, public domain, at Wikimedia Commons',
  'hat': 'Woman with a Hat by Matisse',
  'photos': 'astronaut, chelsea and coffee of `skimage.data`, separated by '
  'commas',
  'flow': 'a run of `flow_paintings` on the paintings with '
  '`--set data.heldout=0.1 --set train.keep_every=500` '
  '([diffusion](diffusion.md))',
  'dcgan': 'a run of `dcgan_paintings` on the same pictures, width 32 '
  '([GANs](gan.md))',
}
OLD = 'Figures of an earlier, smaller run of {:g} core-minutes:'

_COLUMNS = 88  # of a command

Entry = tuple[Row, Sequence[str], Mapping[str, Any] | None]


def text(entries: Iterable[Entry]) -> str:
  """Return the page."""
  entries = list(entries)
  data = [f'- `{name.upper()}`: {said}.' for name, said in DATA.items()]
  parts = [_HEAD, *data, '', summary(entries)]
  for row, commands, found in entries:
    parts += ['', *section(row, commands, found)]
  return '\n'.join(parts) + '\n'


def summary(entries: Iterable[Entry]) -> str:
  """Return the table of all rows: what is reached."""
  lines = []
  for row, _, found in entries:
    verdicts = [v for _, _, v in judged(row, found)]
    anchor = re.sub(r'[^\w -]', '', f'{row.name} {row.system}'.lower())
    lines.append(
      (
        f'[{row.name}](#{anchor.replace(" ", "-")})',
        row.system,
        f'{verdicts.count("yes")} of {len(verdicts)}'
        if is_new(found)
        else 'not measured yet',
      )
    )
  return command.table(('row', 'system', 'reached'), lines)


def is_new(found: Mapping[str, Any] | None) -> bool:
  """Tell whether a row was run by its commands."""
  return found is not None and found['status'] != 'old'


def section(
  row: Row, commands: Sequence[str], found: Mapping[str, Any] | None
) -> list[str]:
  """Return the lines of a row."""
  rows = judged(row, found)
  parts = [
    f'## {row.name} {row.system}',
    '',
    f'*Tried*: {row.tried}',
    '',
    f'*Failed*: {row.failed}',
    '',
    *('    ' + line for x in commands for line in wrapped(x)),
    '',
    *([row.note, ''] if row.note else []),
    command.table(('what ours must show', 'figure', 'reached'), rows),
    '',
    *state(row, found),
  ]
  if row.unreached and any(verdict == 'no' for _, _, verdict in rows):
    parts += ['', f'Not reached: {row.unreached}']
  if found is None:
    return parts
  if found['status'] == 'old':
    parts += ['', OLD.format(found['core_minutes']), '', *shown(found['lines'])]
  for table in found.get('tables', ()):
    parts += ['', table]
  if found.get('figure'):
    parts += ['', f'![{row.name}]({found["figure"]})']
    if row.caption and is_new(found):
      parts += ['', f'*{row.caption}*']
  return parts


def wrapped(line: str) -> list[str]:
  """Return a command as lines of a shell, broken before flags.

  Where what stands before the flags is long, it is broken at its spaces.
  """
  start, *flags = re.sub('^tools', 'python -m tools', line).split(' --')
  words = start.split(' ') if len(start) > _COLUMNS else [start]
  first, *others = [*words, *(f'--{flag}' for flag in flags)]
  lines = [first]
  for part in others:
    if len(f'{lines[-1]} {part}') > _COLUMNS:
      lines[-1] += ' \\'
      lines.append(f'  {part}')
    else:
      lines[-1] += f' {part}'
  return lines


def judged(
  row: Row, found: Mapping[str, Any] | None
) -> list[tuple[str, str, str]]:
  """Return (what, figure, verdict) of each target."""
  figures = found['figures'] if found is not None and is_new(found) else {}
  lines = []
  for target in row.targets:
    verdict = target.judged(figures)
    figure, good = ('', None) if verdict is None else verdict
    word = {None: 'not measured yet', True: 'yes', False: 'no'}[good]
    lines.append((target.what, figure, word))
  return lines


def state(row: Row, found: Mapping[str, Any] | None) -> list[str]:
  """Return how the figures were made."""
  if not is_new(found) or found is None:
    data = '; '.join(f'`--{name}`: {DATA[name]}' for name in row.needs)
    needs = f' It needs {data}.' if data else ''
    return [
      f'Not run yet: budget {row.budget:g} core-minutes of training.{needs}'
    ]
  ended = (
    f' The budget of {row.budget:g} core-minutes ended it: '
    f'{", ".join(found["ended"])}.'
    if found['status'] == 'budget'
    else ''
  )
  return [
    f'{found["core_minutes"]:g} core-minutes on {found["machine"]}, art_jax '
    f'{found["version"]}.{ended}'
  ]


def shown(lines: Sequence[str]) -> list[str]:
  """Return printed lines as a block, Markdown tables as they are."""
  if all(line.startswith('|') for line in lines):
    return ['\n'.join(lines).replace('\n| |', '\n\n| |')]
  return ['    ' + line for line in lines]


def plan(
  rows: Sequence[Row], results: Mapping[str, Mapping[str, Any] | None]
) -> str:
  """Return a table of what is to be run, and the sum."""
  lines, total = [], 0.0
  for row in rows:
    found = results[row.name]
    done = found['status'] if found else ''
    total += 0 if is_new(found) else row.takes
    lines.append(
      (
        row.name,
        row.system,
        f'{row.takes:g}',
        f'{row.budget:g}',
        ' '.join(f'--{name}' for name in row.needs),
        done,
      )
    )
  header = ('row', 'system', 'core-minutes', 'budget', 'needs', 'kept')
  hours = math.ceil(total / 6) / 10
  return f'{command.table(header, lines)}\n\nstill to run: {hours:g} core-hours'
