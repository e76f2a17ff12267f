"""Runs what five earlier projects built, and writes one page about it.

  python -m tools.studies.originals --plan
  python -m tools.studies.originals --workdir=runs/originals --minutes=120 \
    --mnist=mnist.npz --paintings=van_gogh

Every row of docs/originals.md has commands and a budget, in minutes of one
core, see tools/studies/systems. They are run one row after another, without
--only the cheapest first; --minutes ends the command cleanly, and the same
command goes on later. Time is that of the processor: other work on the machine
takes nothing away. What a row came to is kept in --results; with --again the
rows of --only are made anew. A row whose data were not given keeps its figures.
"""

import dataclasses
import pathlib
import shlex
import shutil
from collections.abc import Sequence

from art_jax import core
from art_jax.cli.terminal import STOPPED
from art_jax.core.paths import write_atomic
from art_jax.data import procedural
from art_jax.media import images
from tools import command
from tools.studies import systems
from tools.studies.systems import gather, kept, page, spend
from tools.studies.systems.row import Row
from tools.studies.timed_run import Failed


@dataclasses.dataclass(frozen=True)
class Given:
  """Data that rows learn from or paint.

  Attributes:
    mnist: mnist.npz.
    facades: folder with train and val of side-by-side pairs.
    paintings: folder of paintings.
    content: a portrait.
    style: a painting.
    tubingen: a photo of Tübingen.
    scream: The Scream.
    hat: Woman with a Hat.
    photos: photos, with commas.
    flow: run folder of flow_paintings on the paintings.
    dcgan: run folder of dcgan_paintings on the same.
  """

  mnist: str = ''
  facades: str = ''
  paintings: str = ''
  content: str = ''
  style: str = ''
  tubingen: str = ''
  scream: str = ''
  hat: str = ''
  photos: str = ''
  flow: str = ''
  dcgan: str = ''


@dataclasses.dataclass(frozen=True)
class Plan:
  """Where the rows are run and kept.

  Attributes:
    workdir: folder of the runs.
    results: folder of the results.
    output: the page; its figures go into pictures beside it.
  """

  workdir: str = 'runs/originals'
  results: str = 'docs/results/originals'
  output: str = 'docs/originals.md'


def main(
  where: Plan,
  given: Given,
  *,
  only: tuple[str, ...] = (),
  minutes: float = 0,
  again: bool = False,
  plan: bool = False,
  run: bool = True,
  broken: str = '',
) -> int:
  """Run rows and write the page after each: what is done can be read.

  Args:
    where: where.
    given: data.
    only: rows; default: all, cheapest first.
    minutes: of a core to spend now; 0: until all rows are done.
    again: make the rows of --only anew.
    plan: print what is to be run, and end.
    run: the rows; without it (--norun) the page is written from what is kept,
      whose numbers are read anew where the folders of the runs are at hand.
    broken: write a folder with bad files, and end.
  """
  if broken:
    write_broken(pathlib.Path(broken))
    return 0
  names = command.chosen('only', only, systems.ORDER)
  core.require(only or not again, '--again: name the rows with --only')
  rows = {row.name: row for row in systems.ROWS}
  results = {n: kept_result(rows[n], where, again and n in names) for n in rows}
  if plan:
    print(page.plan([rows[name] for name in names], results))
    return 0
  left = 60 * minutes or float('inf')
  with spend.Stop() as stop:
    for name in names if run else ():
      if again:
        shutil.rmtree(pathlib.Path(where.workdir, name), ignore_errors=True)
      said, left = advance(rows[name], where, given, left, stop, again)
      print(f'{name}: {said}', flush=True)
      write_page(where, [*rows.values()])
      if stop.asked or left <= 0:
        print('stopped; the same command continues')
        return STOPPED
  for name in () if run else names:
    read_anew(rows[name], where)
  write_page(where, [*rows.values()])
  print(where.output)
  return 0


def kept_result(row: Row, plan: Plan, again: bool = False) -> dict | None:
  """Return what is kept of a row; None if nothing, or it is made anew."""
  return None if again else kept.result(plan.results, row, named(row))


def named(row: Row) -> list[str]:
  """Return the commands of a row with names in place of paths."""
  names = {f.name: f.name.upper() for f in dataclasses.fields(Given)}
  return [
    do.line.format(
      work=f'runs/originals/{row.name}', shared='runs/originals', **names
    )
    for do in row.commands
  ]


def advance(
  row: Row,
  plan: Plan,
  given: Given,
  left: float,
  stop: spend.Stop,
  again: bool = False,
) -> tuple[str, float]:
  """Go on with a row; return what became of it and the seconds left."""
  before = kept_result(row, plan, again)
  if before and before['status'] != 'old':
    return before['status'], left
  absent = [name for name in row.needs if not getattr(given, name)]
  if absent:
    return f'left out, as --{", --".join(absent)} is not given', left
  rows = {r.name: r for r in systems.ROWS}
  for name in row.after:
    other = kept_result(rows[name], plan)
    if other is None or other['status'] == 'old':
      return f'left out, as it reads the runs of {name}', left
  folder = pathlib.Path(plan.workdir).absolute() / row.name
  state = kept.progress(folder, named(row))
  try:
    finished, left = run_commands(row, state, folder, given, left, stop)
  except Failed as error:
    return f'failed: {error}', left
  if not finished:
    spent = state.seconds / 60
    return f'goes on later, {spent:.1f} of {row.budget:g} minutes spent', left
  entry = kept.keep(plan.results, row, state, **gathered(row, plan))
  return f'{entry["status"]}, {entry["core_minutes"]} core-minutes', left


def gathered(row: Row, plan: Plan) -> dict:
  """Return the numbers, tables and the figure of a row that is over."""
  folder = pathlib.Path(plan.workdir)
  beside = pathlib.Path(plan.output).parent
  return gather.collected(row, folder / row.name) | {
    'figure': gather.figure(row, folder, beside)
  }


def read_anew(row: Row, plan: Plan) -> None:
  """Read the numbers of a kept row from its logs again, if they are there."""
  found = kept_result(row, plan)
  folder = pathlib.Path(plan.workdir, row.name)
  if found is None or found['status'] == 'old' or not folder.exists():
    return
  state = kept.progress(folder, named(row))
  if len(state.ends) == len(row.commands):
    same = {name: found[name] for name in ('machine', 'version')}
    kept.keep(plan.results, row, state, **gathered(row, plan), **same)


def run_commands(
  row: Row,
  state: kept.Progress,
  folder: pathlib.Path,
  given: Given,
  left: float,
  stop: spend.Stop,
) -> tuple[bool, float]:
  """Run the commands that are not over; return whether all are, and the rest.

  Trainings share the budget of the row; what measures them runs to its end.

  Raises:
    Failed: one failed although no training was cut short.
  """
  for i in range(len(state.ends), len(row.commands)):
    do = row.commands[i]
    allowed = 60 * row.budget - state.training
    if do.trains and allowed <= 0 and not do.is_table:
      end(state, folder, 'not begun: the budget is spent')
      continue
    if stop.asked or left <= 0 or (not do.trains and left < 60 * do.minutes):
      return False, 0.0
    arguments = as_arguments(filled(do.line, folder, given))
    log = folder / f'{i}.log'
    limit = min(allowed, left) if do.trains else float('inf')
    own = spend.Account(state, do.trains, lambda: kept.save(folder, state))
    try:
      outcome = spend.run(arguments, log, max(limit, 0), stop, own.note)
    except Failed as error:
      if not state.steps:
        raise
      end(state, folder, f'not measured: {error}')
      continue
    left -= outcome.seconds
    own.note(outcome.seconds)
    if outcome.stopped and (stop.asked or not do.trains or limit < allowed):
      return False, 0.0
    if outcome.stopped:
      state.steps.append(outcome.step or 'before its end')
    if outcome.stopped and do.is_table:  # shows what there is
      spend.run([*arguments, '--notrain'], log, float('inf'), stop)
    end(state, folder, 'budget' if outcome.stopped else 'done')
  return True, left


def end(state: kept.Progress, folder: pathlib.Path, how: str) -> None:
  """Note that a command is over."""
  state.ends.append(how)
  kept.save(folder, state)


def filled(line: str, folder: pathlib.Path, given: Given) -> str:
  """Return a command with paths for its names."""
  paths = {'work': folder, 'shared': folder.parent} | dataclasses.asdict(given)
  return line.format(**paths)


def as_arguments(line: str) -> Sequence[str]:
  """Return the arguments of Python for a command."""
  program, *arguments = shlex.split(line)
  module = 'art_jax.main' if program == 'art_jax' else program
  return ['-m', module, *arguments]


def write_page(plan: Plan, rows: Sequence[Row]) -> None:
  """Write the page from what is kept."""
  entries = [(row, named(row), kept_result(row, plan)) for row in rows]
  path = pathlib.Path(plan.output)
  path.parent.mkdir(parents=True, exist_ok=True)
  write_atomic(path, page.text(entries).encode())


def write_broken(folder: pathlib.Path) -> None:
  """Write 40 pictures, one of them cut short and one that is none."""
  for i, picture in enumerate(procedural.render(0, 40, 48).painting):
    images.save_png(folder / f'{i:02d}.png', picture)
  path = folder / '07.png'
  path.write_bytes(path.read_bytes()[:200])
  (folder / '11.png').write_text('no picture')


if __name__ == '__main__':
  command.run(main)
