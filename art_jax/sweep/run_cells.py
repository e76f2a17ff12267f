"""Runs the cells of a sweep: together where that is possible, else in turn."""

import dataclasses
import pathlib
import sys
import time
import traceback
from collections.abc import Mapping, Sequence

from art_jax import core
from art_jax.config import experiments as experiment_files
from art_jax.devices import distributed, mesh
from art_jax.runs import lock
from art_jax.runs.folder import RunFolder
from art_jax.sweep import groups, outcome, program, together
from art_jax.sweep.cells import Cell
from art_jax.sweep.claims import Claims, Lost
from art_jax.training import loop

_POLL = 5  # seconds
# What says nothing of a cell, and goes to who started it.
_NOT_OF_THE_CELL = (loop.Preempted, core.StorageError, Lost)

WAYS = ('auto', *program.WAYS, 'no')


@dataclasses.dataclass(frozen=True)
class Sweep:
  """Cells and how they are run.

  Attributes:
    cells: all of them.
    experiments: by name of the cell; cells whose fields were refused are not
      among them.
    refused: by name, why.
    folder: with a run folder for each cell.
    way: one of WAYS.
    command: noted in each run.json.
  """

  cells: Sequence[Cell]
  experiments: Mapping[str, core.Experiment]
  refused: Mapping[str, str]
  folder: pathlib.Path
  way: str
  command: str


def run(sweep: Sweep, devices: mesh.Devices) -> list[outcome.Outcome]:
  """Run what is not done; the table is written anew after every program.

  Any number of processes may run one sweep: each claims cells, and in the end
  waits for those of the others, or takes them over from one that died.

  Raises:
    core.UserError: a cell's folder holds a run of other settings.
    loop.Preempted: asked to stop; the same command goes on.
    core.StorageError: the disk failed.
  """
  for name, experiment in sweep.experiments.items():
    _folder(sweep, name).check_config(experiment)
  for name, reason in sweep.refused.items():
    outcome.note(sweep.folder / name, 'failed', reason, 1)
  with Claims(sweep.folder) as claims:
    before = {
      name: claims.count(name) - (claims.owner(name) is not None)
      for name in sweep.experiments
    }
    names = _not_ended(sweep, claims, before)
    _say(
      f'{len(sweep.cells)} cells, {len(names)} to run in {sweep.folder}'
      + (f', {len(sweep.refused)} refused' if sweep.refused else '')
    )
    told = None
    while names:
      free = [n for n in names if _is_free(sweep, n, claims)]
      for group in _plan(sweep, free):
        _run_claimed(
          sweep, [free[i] for i in group.indices], group, claims, devices
        )
      if not free:
        told = _wait(names, claims, told)
      names = _not_ended(sweep, claims, before)
  return _write_table(sweep)


def _not_ended(
  sweep: Sweep, claims: Claims, before: Mapping[str, int]
) -> list[str]:
  """Return the cells to run; a failed one is tried again, once in a start.

  Args:
    sweep: all of it.
    claims: of this process.
    before: how often each cell had been claimed, and left, at the start.
  """

  def ended(name: str) -> bool:
    tried = claims.count(name) > before[name] and not claims.owner(name)
    return _is_done(sweep, name) or (_status(sweep, name) == 'failed' and tried)

  return [
    cell.name
    for cell in sweep.cells
    if cell.name in sweep.experiments and not ended(cell.name)
  ]


def _is_free(sweep: Sweep, name: str, claims: Claims) -> bool:
  """Tell whether nobody works at a cell.

  One that was taken over may still be held by its trainer, if that comes back.
  """
  return claims.owner(name) is None and not lock.is_held(sweep.folder / name)


def _wait(names: Sequence[str], claims: Claims, told: str | None) -> str:
  """Wait a little for what others run; say whom, unless it was told."""
  text = ', '.join(
    f'{name} ({claims.owner(name) or "nobody any more"})' for name in names
  )
  if text != told:
    _say(f'waiting for {text}')
  time.sleep(_POLL)
  return text


def _run_claimed(
  sweep: Sweep,
  names: list[str],
  group: groups.Group,
  claims: Claims,
  devices: mesh.Devices,
) -> None:
  """Run those cells of a group that this process can claim."""
  mine = [name for name in names if claims.take(name)]
  try:
    # Another process may have ended one since the cells were listed.
    rest = [name for name in mine if not _is_done(sweep, name)]
    for name in rest:
      outcome.begin(sweep.folder / name)
    if rest:
      _run_group(sweep, rest, group, claims, devices)
      _write_table(sweep)
  except Lost as error:
    _say(f'{error}: going on with other cells')
  finally:
    for name in mine:
      claims.give_back(name)


def _is_done(sweep: Sweep, name: str) -> bool:
  """Tell whether a cell has ended, with the settings that it has now.

  One whose duration, say, has changed since goes on.
  """
  return _status(sweep, name) in outcome.DONE and not _folder(
    sweep, name
  ).changed(sweep.experiments[name])


def _folder(sweep: Sweep, name: str) -> RunFolder:
  return RunFolder(sweep.folder / name, writable=False)


def _status(sweep: Sweep, name: str) -> str | None:
  return outcome.ended(sweep.folder / name).get('status')


def _write_table(sweep: Sweep) -> list[outcome.Outcome]:
  """Write the table, again where another process has ended cells meanwhile."""
  while True:
    outcomes = [outcome.read(c, sweep.folder / c.name) for c in sweep.cells]
    outcome.write(sweep.folder, outcomes)
    now = [_status(sweep, cell.name) or 'waiting' for cell in sweep.cells]
    if now == [one.status for one in outcomes]:
      return outcomes


def _plan(sweep: Sweep, names: Sequence[str]) -> list[groups.Group]:
  """Return the groups of cells; a group of one where none may be trained."""
  alone = [groups.Group((i,), (), ()) for i in range(len(names))]
  if sweep.way == 'no' or len(names) < 2:
    return alone
  experiments = [sweep.experiments[name] for name in names]
  paths = [
    experiment_files.current_path(experiments[0], path)
    for path in outcome.varied(sweep.cells)
  ]
  try:
    planned = groups.groups(experiments, paths)
  except core.UserError as error:
    _say(f'one after another, as a cell cannot be built: {error}')
    return alone
  apart = sorted({path for group in planned for path in group.apart})
  several = [len(group.indices) for group in planned if len(group.indices) > 1]
  message = f'{len(planned)} program(s)'
  if several:
    message += f', {sum(several)} cells together in {len(several)} of them'
  if apart:
    message += f'; not one program over {", ".join(apart)}: no data of a step'
  _say(message)
  return planned


def _run_group(
  sweep: Sweep,
  names: list[str],
  group: groups.Group,
  claims: Claims,
  devices: mesh.Devices,
) -> None:
  if len(names) > 1:
    auto = sweep.way == 'auto'
    way = program.best_way(devices.platform) if auto else sweep.way
    _say(f'together ({way}): {"  ".join(names)}')
    try:
      ends = together.train(
        names,
        [sweep.experiments[name] for name in names],
        [sweep.folder / name for name in names],
        group.traced,
        devices=devices,
        way=way,
        command=sweep.command,
        guard=claims.require,
      )
      for name, (status, reason) in ends.items():
        claims.require(name)
        outcome.note(sweep.folder / name, status, reason, len(names))
      return
    except together.Uneven:
      _say('they were stopped at different steps: one after another')
    except _NOT_OF_THE_CELL:
      raise
    except Exception as error:
      if core.disk_fault(error):
        raise
      # One cell may be to blame: alone, each tells for itself.
      _say(f'not together ({_brief(error)}): one after another')
  for name in names:
    if _is_done(sweep, name):  # before the others failed together
      continue
    _say(f'cell {name}')
    status, reason = _run_alone(sweep, name, claims, devices)
    claims.require(name)
    outcome.note(sweep.folder / name, status, reason, 1)
    if reason:
      _say(f'{name} {status}: {reason}')


def _run_alone(sweep, name, claims, devices) -> tuple[str, str]:
  """Train one cell; return its status, and why it is not finished."""
  try:
    loop.train(
      sweep.experiments[name],
      sweep.folder / name,
      devices=devices,
      command=sweep.command,
      guard=claims.require,
    )
  except _NOT_OF_THE_CELL:
    raise
  except loop.AlarmStop as error:
    return 'stopped', str(error).partition('; step ')[0]
  except core.Diverged as error:
    return 'diverged', str(error)
  except core.UserError as error:
    return 'failed', str(error)
  except Exception as error:
    if core.disk_fault(error):
      raise
    traceback.print_exc()
    return 'failed', _brief(error)
  return 'finished', ''


def _brief(error: Exception) -> str:
  lines = str(error).strip().splitlines()
  return f'{type(error).__name__}: {lines[0] if lines else ""}'


def _say(text: str) -> None:
  if distributed.is_main():
    print(f'sweep: {text}', file=sys.stderr, flush=True)
