"""Writes the page of the gallery from what is kept."""

import shlex
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from tools import command
from tools.studies.gallery_entries import ENTRIES, Entry
from tools.studies.gallery_inputs import INPUTS, RUNS

_COLUMNS = 80
_HEAD = """# Gallery

What each family of models makes, with the command, the time that it takes, and
what the family cannot do yet. No picture is retouched, nor is any selected from
many unless the caption says so. Times are CPU seconds (the sum over all cores),
not wall time. The commands need [art_jax](install.md), the
[weights](weights.md) of published networks, and the photos and paintings in the
[table](#how-this-page-is-made) at the end.
"""
_MISSING = """## Not shown yet

Pictures that no available run shows well enough, and how to make them.
"""
_UNTRIED = 'It has not been tried yet.'
_FOOT = """
Autoencoders, [VAE](autoencoder.md) and [conditional GANs](conditional.md) have
pictures on their own pages.

## How this page is made

    ART_JAX_ASSETS=FOLDER python -m tools.studies.gallery

runs the commands above whose picture is missing, and writes this page. It
trains nothing: where a run or a file is absent, the page says how to get it.
The [figures](results/gallery.json) are kept. CPU seconds include start-up and
compilation, but no other work on the machine.

"""


def page(
  rows: Mapping[str, Any],
  reasons: Mapping[str, str],
  absent: Callable[[Entry], str],
) -> str:
  """Return the page.

  Args:
    rows: name of a picture -> its facts.
    reasons: name of a picture -> why it was not made.
    absent: returns how to get what an entry needs, or ''.
  """
  parts, seen = [_HEAD], set()
  for entry in ENTRIES:
    if row := rows.get(entry.name):
      why = reasons.get(entry.name, '')
      parts += [f'## {entry.title}', '', *_section(entry, row, why, seen), '']
  missing = [entry for entry in ENTRIES if entry.name not in rows]
  if missing:
    parts += [_MISSING]
  for entry in missing:
    why = reasons.get(entry.name) or absent(entry) or _UNTRIED
    parts += [f'### {entry.title}', '', *_section(entry, None, why, seen), '']
  used = {name for row in rows.values() for name in row['inputs']}
  files = [(f'`{n}`', INPUTS[n].origin) for n in INPUTS if n in used]
  table = command.table(('input', 'what it is'), files) if files else ''
  return '\n'.join(parts).rstrip() + '\n' + _FOOT + table + '\n'


def _section(
  entry: Entry, row: dict[str, Any] | None, why: str, seen: set[str]
) -> list[str]:
  """Return a section; a run's training is shown the first time."""
  lines = []
  if row:
    lines += [f'![{entry.title}]({row["picture"]})', '']
    lines += [_fill(f'*{entry.says}*'), '']
    commands = [part['command'] for part in row['commands']]
  else:
    lines += [_fill(f'*Meant to show: {entry.says}*'), '']
    commands = list(entry.commands)
  training = [RUNS[name].training for name in entry.runs if name not in seen]
  seen.update(entry.runs)
  for line in (*training, *commands):
    lines += _block(line)
  lines += ['', *map(_item, _facts(entry, row)), _item(entry.lacks)]
  if why:
    kept = ' The picture is the last one that was made.' if row else ''
    lines += ['', _fill(f'**Not made.** {why}{kept}')]
  return [*lines, '', f'[How it works]({entry.more}.md).']


def _facts(entry: Entry, row: dict[str, Any] | None) -> list[str]:
  """Return sentences: training, time and machine, what is copied."""
  facts = [f'The run `{n}`: {RUNS[n].cost}.' for n in entry.runs]
  if row and row['commands']:
    seconds = sum(part['seconds'] for part in row['commands'])
    least = any(part['interrupted'] for part in row['commands'])
    steps = f'; steps: {row["steps"]}' if row['steps'] else ''
    facts.append(
      f'{"At least " if least else ""}{seconds:.0f} CPU seconds on '
      f'{row["machine"]}, art_jax {row["version"]}{steps}.'
    )
    regions = [n['largest_region'] for n in row['notes'].values()]
    if regions:
      facts.append(
        'The largest region that is copied unchanged is '
        f'{min(regions):.2f} to {max(regions):.2f} of the side.'
      )
  return facts


def _item(text: str) -> str:
  return _fill(f'- {text}', '  ')


def _block(line: str) -> list[str]:
  """Return a command as lines of a code block."""
  words = ' '.join(shlex.quote(word) for word in shlex.split(line))
  words = words.replace('--set ', '--set\N{NO-BREAK SPACE}')
  found = textwrap.wrap(
    words, _COLUMNS - 12, break_long_words=False, break_on_hyphens=False
  )
  lines = ' \\\n      '.join(found).replace('\N{NO-BREAK SPACE}', ' ')
  return [f'    {lines}']


def _fill(text: str, indent: str = '') -> str:
  return textwrap.fill(
    text,
    _COLUMNS,
    subsequent_indent=indent,
    break_long_words=False,
    break_on_hyphens=False,
  )
