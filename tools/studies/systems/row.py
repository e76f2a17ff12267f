"""What a row of docs/originals.md is: a system, its commands, its targets."""

import dataclasses
import re
from collections.abc import Callable, Mapping

Figures = Mapping[str, float]
Judged = tuple[str, bool]
"""The figure as text, and whether it is what it must be."""

_NUMBER = re.compile(
  r'^([-+]?[\d.,]+(?:e[-+]?\d+)?)(?: \+- ([\d.]+(?:e[-+]?\d+)?|nan))?$'
)
_TRAINING = ('art_jax train', 'tools.studies.tables')
_LEAST = '(least)'


@dataclasses.dataclass(frozen=True)
class Do:
  """One command of a row, and what is read from what it prints.

  Attributes:
    line: 'art_jax ...' or 'tools.studies.NAME ...', names in braces being
      filled in.
    take: by the name of a figure, a regular expression whose group is its
      number; the last place that matches counts, or the least number if the
      name ends in '(least)'.
    tables: read the numbers of its Markdown tables too, as 'row/column'.
    prefix: before the names of all figures of this command.
    minutes: of a core that it takes where it is no training: it is not begun
      with less time left.
  """

  line: str
  take: tuple[tuple[str, str], ...] = ()
  tables: bool = False
  prefix: str = ''
  minutes: float = 5

  @property
  def trains(self) -> bool:
    """Tell whether it can be stopped and goes on where it was."""
    return self.line.startswith(_TRAINING)

  @property
  def is_table(self) -> bool:
    """Tell whether it trains the cells of a table."""
    return self.line.startswith(_TRAINING[1])

  def figures(self, text: str) -> dict[str, float]:
    """Return the numbers by name in what the command printed."""
    found = {}
    for name, pattern in self.take:
      matches = re.findall(pattern, text, re.MULTILINE)
      numbers = [float(match.replace(',', '')) for match in matches]
      if numbers:
        found[name] = min(numbers) if name.endswith(_LEAST) else numbers[-1]
    if self.tables:
      found |= of_tables(text)
    return {self.prefix + name: value for name, value in found.items()}


@dataclasses.dataclass(frozen=True)
class Target:
  """What ours must show.

  Attributes:
    what: in words.
    judge: from the figures of the row to a text and a verdict; it raises
      KeyError as long as one of them is not measured.
  """

  what: str
  judge: Callable[[Figures], Judged]

  def judged(self, figures: Figures) -> Judged | None:
    """Return the text and the verdict; None: not measured yet."""
    try:
      return self.judge(figures)
    except KeyError:
      return None


@dataclasses.dataclass(frozen=True)
class Row:
  """One system.

  Attributes:
    name: 'S0.1'.
    system: what it is, a heading.
    tried: what the project tried.
    failed: what failed there.
    commands: in their order.
    targets: what ours must show.
    budget: core-minutes of all its trainings together.
    takes: core-minutes that are expected in all.
    figure: patterns of files below the folder of the row.
    caption: what the figure shows.
    needs: flags of tools.studies.originals that must be given.
    after: rows whose runs it reads.
    note: sizes, data, what only a GPU can show.
    unreached: why, shown if a target is not reached.
  """

  name: str
  system: str
  tried: str
  failed: str
  commands: tuple[Do, ...]
  targets: tuple[Target, ...]
  budget: float = 90
  takes: float = 30
  figure: tuple[str, ...] = ()
  caption: str = ''
  needs: tuple[str, ...] = ()
  after: tuple[str, ...] = ()
  note: str = ''
  unreached: str = ''


def at_least(what: str, name: str, limit: float, unit: str = '') -> Target:
  """Return the target that a figure is not below a limit."""
  return Target(
    f'{what}: at least {limit:g}{unit}',
    lambda f: (f'{f[name]:.3g}{unit}', f[name] >= limit),
  )


def at_most(what: str, name: str, limit: float, unit: str = '') -> Target:
  """Return the target that a figure is not above a limit."""
  return Target(
    f'{what}: at most {limit:g}{unit}',
    lambda f: (f'{f[name]:.3g}{unit}', f[name] <= limit),
  )


def not_above(what: str, name: str, other: str, share: float = 1) -> Target:
  """Return the target that a figure is at most a share of another one."""
  return Target(
    what,
    lambda f: (f'{f[name]:.3g} to {f[other]:.3g}', f[name] <= share * f[other]),
  )


def measured(what: str, *names: str, text: str = '') -> Target:
  """Return the target that figures are measured, whatever they are."""
  text = text or ', '.join(f'{{{i}:.3g}}' for i in range(len(names)))
  return Target(what, lambda f: (text.format(*(f[n] for n in names)), True))


def of_tables(text: str) -> dict[str, float]:
  """Return the numbers of Markdown tables as 'row/column'.

  A deviation, behind +-, is 'row/column +-'.
  """
  found, header = {}, None
  for line in text.splitlines():
    if not line.startswith('|'):
      header = None
      continue
    cells = [cell.strip() for cell in line.strip('|').split('|')]
    if header is None:
      header = cells
    elif not set(''.join(cells)) <= set('-: '):
      for column, cell in zip(header[1:], cells[1:], strict=False):
        if match := _NUMBER.match(cell):
          name = f'{cells[0]}/{column}'
          found[name] = float(match[1].replace(',', ''))
          if match[2]:
            found[f'{name} +-'] = float(match[2])
  return found
