"""Makes docs/gallery.md: what each family of models makes.

  ART_JAX_ASSETS=FOLDER python -m tools.studies.gallery
  python -m tools.studies.gallery --only=gatys,nnst --again

Runs the commands of tools/studies/gallery_entries.py as the page shows them, in
a work folder where photos, paintings, weights and trained runs lie under the
names that the commands have. It trains nothing. A picture that is made is kept,
with its facts in results/gallery.json beside the page: the same command goes
on where it was stopped, and makes what is missing. A picture of another command
is refused, and so is one of another version that --only names, unless --again
makes those of --only anew; the page says each one's version. What needs a file
or a run that is absent says how to get it, and keeps its last picture.
"""

import dataclasses
import json
import os
import pathlib
import re
import shlex
import shutil
from typing import Any

from art_jax import core
from art_jax.core.paths import write_atomic
from art_jax.core.version import VERSION
from tools import command
from tools.studies import (
  gallery_entries,
  gallery_page,
  gallery_pictures,
  timed_run,
)
from tools.studies.gallery_entries import Entry
from tools.studies.gallery_inputs import INPUTS, RUNS

_DONE = 'done.json'


@dataclasses.dataclass(frozen=True)
class Place:
  """Where everything is.

  Attributes:
    assets: folder of photos, paintings and weights; default: ART_JAX_ASSETS.
    runs: folder of the trained runs.
    workdir: folder where the commands run.
    output: the page; pictures/ and results/ stand beside it.
  """

  assets: str = ''
  runs: str = 'runs'
  workdir: str = 'runs/gallery'
  output: str = 'docs/gallery.md'

  @property
  def results(self) -> pathlib.Path:
    """Return the file that keeps the facts."""
    return pathlib.Path(self.output).parent / 'results/gallery.json'


def main(
  place: Place, *, only: tuple[str, ...] = (), again: bool = False
) -> int:
  """Make what is missing, and the page; return 1 if a command failed.

  Args:
    place: where everything is.
    only: names of pictures; default: all.
    again: make them anew.
  """
  entries = {entry.name: entry for entry in gallery_entries.ENTRIES}
  names = command.chosen('only', only, entries)
  rows = _rows(place)
  _require_same(entries, rows, names if again else (), only)
  reasons, failed = {}, False
  for name in names:
    if name in rows and not again:
      layout = gallery_pictures.layout(entries[name])
      if rows[name].get('layout', layout) == layout:
        continue
    why = absent(entries[name], place)
    if not why:
      try:
        made = make(entries[name], place, again)
        rows = _rows(place) | {name: made}  # of other processes too
        text = json.dumps(rows, indent=1, sort_keys=True) + '\n'
        write_atomic(place.results, text)
      except timed_run.Failed as error:
        why, failed = f'it failed: {error}', True
    reasons[name] = why
    print(f'{name}: {why or "made"}', flush=True)
    _write_page(place, rows, reasons)
  _write_page(place, rows, reasons)
  print(place.output)
  return int(failed)


def _write_page(place: Place, rows, reasons) -> None:
  text = gallery_page.page(rows, reasons, lambda entry: absent(entry, place))
  write_atomic(place.output, text)


def _rows(place: Place) -> dict[str, Any]:
  path = place.results
  return json.loads(path.read_text()) if path.exists() else {}


def _require_same(entries, rows, again, asked) -> None:
  """Raise core.UserError if a kept picture is not what is asked for.

  It is of another command, or one of `asked` and of another version.
  """
  other = [
    name
    for name, row in rows.items()
    if name in entries
    and name not in again
    and (
      _lines(row) != _asked(entries[name])
      or (name in asked and row['version'] != VERSION)
    )
  ]
  if other:
    row, entry = rows[other[0]], entries[other[0]]
    raise core.UserError(
      f'{other[0]} was made with version {row["version"]} by '
      f'{_lines(row)}, and now it is version {VERSION} and '
      f'{_asked(entry)}; pass --only={",".join(other)} --again'
    )


def _lines(row: dict[str, Any]) -> list[str]:
  return [
    *row.get('training', ()),
    *(part['command'] for part in row['commands']),
  ]


def _asked(entry: Entry) -> list[str]:
  return [*_training(entry), *entry.commands]


def _training(entry: Entry) -> list[str]:
  return [RUNS[name].training for name in entry.runs]


def absent(entry: Entry, place: Place) -> str:
  """Return how to get what an entry needs and is not there, or ''."""
  parts = [
    f'{name} is absent: {INPUTS[name].get}.'
    for name in entry.inputs
    if not all(path.exists() for path in _paths(name, place))
  ]
  parts += [
    f'The run runs/{name} is absent: `{RUNS[name].training}`.'
    for name in entry.runs
    if _run(name, place) is None
  ]
  return ' '.join(parts)


def _paths(name: str, place: Place) -> list[pathlib.Path]:
  folder = place.assets or os.environ.get('ART_JAX_ASSETS', '')
  return [
    pathlib.Path(folder, below).absolute() for below in INPUTS[name].below
  ]


def _run(name: str, place: Place) -> pathlib.Path | None:
  """Return the folder of a run under one of the names it may have."""
  folders = (pathlib.Path(place.runs, x) for x in (name, *RUNS[name].names))
  return next((x.absolute() for x in folders if _steps(x)), None)


def _runs(entry: Entry, place: Place) -> dict[str, pathlib.Path]:
  """Return the folders of the runs of an entry, by their names on the page."""
  folders = {name: _run(name, place) for name in entry.runs}
  return {name: folder for name, folder in folders.items() if folder}


def _steps(run: pathlib.Path) -> int:
  """Return the step of the last checkpoint, 0 if there is none."""
  found = (run / 'checkpoints').glob('[0-9]*')
  return max(
    (int(path.name) for path in found if path.name.isdecimal()), default=0
  )


def make(entry: Entry, place: Place, again: bool = False) -> dict[str, Any]:
  """Run the commands of an entry, write its picture, return its facts.

  Raises:
    timed_run.Failed: a command failed, or left no picture.
  """
  folder = pathlib.Path(place.workdir, entry.name).absolute()
  if again:
    shutil.rmtree(folder, ignore_errors=True)
  folder.mkdir(parents=True, exist_ok=True)
  _lay(entry, place, folder)
  commands = [
    _once(line, folder, folder / f'{number}.log')
    for number, line in enumerate(entry.commands)
  ]
  shown, notes = gallery_pictures.gather(entry, folder)
  data, size = gallery_pictures.encode(entry, shown)
  name = f'pictures/gallery_{entry.name}.{"webp" if entry.clip else "jpg"}'
  write_atomic(pathlib.Path(place.output).parent / name, data)
  count = len(os.sched_getaffinity(0))
  return {
    'training': _training(entry),
    'commands': commands,
    'steps': entry.steps,
    'inputs': {name: INPUTS[name].origin for name in entry.inputs},
    'runs': {name: _steps(run) for name, run in _runs(entry, place).items()},
    'machine': f'{count} core{"s" * (count > 1)} of {timed_run.processor()}',
    'version': VERSION,
    'layout': gallery_pictures.layout(entry),
    'picture': name,
    'size': size,
    'bytes': len(data),
    'notes': notes,
  }


def _lay(entry: Entry, place: Place, folder: pathlib.Path) -> None:
  """Link inputs and runs under the names that the commands have."""
  links = {f'runs/{name}': run for name, run in _runs(entry, place).items()}
  for name in entry.inputs:
    paths = _paths(name, place)
    if len(paths) == 1:
      links[name] = paths[0]
    else:
      links |= {f'{name}/{path.name}': path for path in paths}
  for name, target in links.items():
    link = folder / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _once(line: str, folder: pathlib.Path, log: pathlib.Path) -> dict[str, Any]:
  """Run a command unless it is done; return its facts.

  `interrupted` says that an earlier start was killed, whose time is not known.
  """
  path = folder / _DONE
  done = json.loads(path.read_text()) if path.exists() else {}
  state = done.setdefault(line, {'starts': 0})
  if 'seconds' not in state:
    state['starts'] += 1
    write_atomic(path, json.dumps(done, indent=1))
    _clear(line, folder)
    state['seconds'] = round(execute(line, folder, log), 1)
    write_atomic(path, json.dumps(done, indent=1))
  interrupted = state['starts'] > 1
  return {
    'command': line,
    'seconds': state['seconds'],
    'interrupted': interrupted,
  }


def _clear(line: str, folder: pathlib.Path) -> None:
  """Remove what a killed command left; `paint` goes on by itself."""
  for name in re.findall(r'--output=(\S+)', line):
    path = folder / name
    if path.is_dir() and not line.startswith('art_jax paint'):
      shutil.rmtree(path)
    elif path.is_file():
      path.unlink()


def execute(line: str, folder: pathlib.Path, log: pathlib.Path) -> float:
  """Run a command of the page in a folder; return its processor seconds.

  Raises:
    timed_run.Failed: it ended with an error.
  """
  words = shlex.split(line)
  program = ['-m', 'art_jax.main'] if words[0] == 'art_jax' else []
  before = timed_run.of_children()
  timed_run.command([*program, *words[1:]], log, folder=folder)
  return timed_run.of_children() - before


if __name__ == '__main__':
  command.run(main)
