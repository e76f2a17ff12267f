"""What is kept of a row: its result, and in its folder how far it is.

A result is one JSON file for each row. Commands are kept with names in place of
paths, so that results can be carried to another machine.
"""

import dataclasses
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import art_jax
from art_jax import core
from art_jax.core.paths import write_atomic
from tools.studies import timed_run
from tools.studies.systems.row import Row

FORMAT = 1
"""Major number of the format of results."""


@dataclasses.dataclass
class Progress:
  """How far a row is.

  Attributes:
    commands: of the row, with names in place of paths.
    ends: how each command that is over ended: 'done', 'budget' or why not.
    steps: at which a training was stopped by the budget.
    training: seconds of the processor of trainings, which the budget bounds.
    measuring: of the rest.
  """

  commands: list[str]
  ends: list[str] = dataclasses.field(default_factory=list)
  steps: list[str] = dataclasses.field(default_factory=list)
  training: float = 0.0
  measuring: float = 0.0

  @property
  def seconds(self) -> float:
    """Return all seconds."""
    return self.training + self.measuring


def progress(folder: pathlib.Path, commands: Sequence[str]) -> Progress:
  """Return how far the folder of a row is.

  Raises:
    core.UserError: it was begun with other commands.
  """
  path = folder / 'progress.json'
  if not path.exists():
    return Progress([*commands])
  found = Progress(**json.loads(path.read_text()))
  core.require(
    found.commands == [*commands],
    f'{folder} was begun by other commands: {_other(found.commands, commands)};'
    ' remove it to begin anew, or pass another --workdir',
  )
  return found


def save(folder: pathlib.Path, state: Progress) -> None:
  """Write how far a row is."""
  folder.mkdir(parents=True, exist_ok=True)
  text = json.dumps(dataclasses.asdict(state), indent=1)
  write_atomic(folder / 'progress.json', text.encode())


def path_of(results: str | pathlib.Path, name: str) -> pathlib.Path:
  """Return the file of a row's result."""
  return pathlib.Path(results, f'{name}.json')


def result(
  results: str | pathlib.Path, row: Row, commands: Sequence[str]
) -> dict[str, Any] | None:
  """Return what is kept of a row; None if nothing is.

  Raises:
    core.UserError: of another format, or by other commands. One with the
      status 'old' is of commands that are gone, and shown as such.
  """
  path = path_of(results, row.name)
  if not path.exists():
    return None
  found = json.loads(path.read_text('utf-8'))
  core.require(
    found.get('format') == FORMAT,
    f'{path} has the format {found.get("format")}, and this version reads '
    f'{FORMAT}; run the row anew and pass another --results',
  )
  core.require(
    found['status'] == 'old' or found['commands'] == [*commands],
    f'{path} was made by other commands: {_other(found["commands"], commands)};'
    ' remove it to make the row anew, or pass another --results',
  )
  return found


def keep(
  results: str | pathlib.Path, row: Row, state: Progress, **more: Any
) -> dict[str, Any]:
  """Write the result of a row and return it."""
  ended = [end for end in state.ends if end != 'done']
  entry = {
    'format': FORMAT,
    'row': row.name,
    'status': 'budget' if ended else 'done',
    'ended': state.steps or ended,
    'commands': state.commands,
    'core_minutes': round(state.seconds / 60, 1),
    'machine': f'one core of {timed_run.processor()}',
    'version': art_jax.__version__,
    **more,
  }
  path = path_of(results, row.name)
  path.parent.mkdir(parents=True, exist_ok=True)
  write_atomic(path, f'{json.dumps(entry, indent=1)}\n'.encode())
  return entry


def _other(before: Sequence[str], now: Sequence[str]) -> str:
  pairs = [*zip(before, now, strict=False)]
  different = next((pair for pair in pairs if pair[0] != pair[1]), None)
  if different is None:
    return f'there were {len(before)} of them, and now there are {len(now)}'
  return f'`{different[0]}`, and now it is `{different[1]}`'
