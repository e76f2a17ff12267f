"""Runs what five earlier projects built, and writes one page about it.

  python -m tools.studies.originals --minutes=2 --workdir=/tmp/originals
  python -m tools.studies.originals --only=S1.2,S4.2
  python -m tools.studies.originals --full --minutes=600     (on an accelerator)

Writes docs/originals.md and pictures beside it: for every row what its report
claims, our command, our figure and our numbers. Without --full everything is of
laptop size, on the built-in pictures unless others are given. A row that is
done is kept in the work folder; --again makes those of --only anew.
"""

import dataclasses
import io
import json
import pathlib
import re
import shlex
import time

import numpy as np
from PIL import Image

from art_jax.core.paths import write_atomic
from art_jax.data import procedural
from art_jax.media import images
from tools import command
from tools.studies import originals_rows, timed_run

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_WIDTH = 640  # pixels of a figure on the page, at most
_LINES = 40  # of numbers
_SMALL = {
  'width': '--set algorithm.generator.width=16 '
  '--set algorithm.discriminator.width=16',
  'denoiser': '--set data.size=32 --set algorithm.denoiser.size=32 '
  '--set algorithm.denoiser.width=16 --set algorithm.denoiser.blocks=1 '
  '--set algorithm.sampler=dpm_solver_2m',
  'table': '--count=600 --num=300 --batch=32 --steps={steps}',
  'facade': '--set data.size=128 --set data.load_size=143 '
  '--set algorithm.generator.levels=7',
  'gangogh': '--tiny',
  'cyclegan': 'cyclegan_demo',
  'num': '300',
  'side': '192',
  'clip': '160x120',
  'iterations': '40',
}
_SMALL['gan'] = (
  f'--set data.size=32 --set algorithm.generator.size=32 {_SMALL["width"]}'
)
_FULL = dict.fromkeys(_SMALL, '') | {
  'table': '--count=2000 --num=2000 --size=64 --width=64 --seeds=3 '
  '--steps={steps}',
  'cyclegan': 'cyclegan',
  'num': '5000',
  'side': '512',
  'clip': '480x360',
  'iterations': '300',
}
_GIVEN = {
  'mnist': 'mnist.npz or tfds:mnist',
  'facades': 'a folder of side-by-side pairs',
  'content': 'a photo, or builtin',
  'style': 'a painting, or builtin:5',
}


@dataclasses.dataclass(frozen=True)
class Plan:
  """How the rows are run.

  Attributes:
    again: run rows again that are done.
    full: of full size.
    minutes: of a training run.
    steps: of the cells of a table.
    workdir: folder of the runs.
    output: the page.
    mnist: mnist.npz or tfds:mnist.
    facades: a folder of side-by-side pairs.
    content: a photo, or builtin.
    style: a painting, or builtin:5.
  """

  again: bool = False
  full: bool = False
  minutes: float = 2
  steps: command.Count = 200
  workdir: str = '/tmp/originals'
  output: str = 'docs/originals.md'
  mnist: str = ''
  facades: str = ''
  content: str = 'builtin'
  style: str = 'builtin:5'


def main(plan: Plan, *, only: tuple[str, ...] = (), broken: str = '') -> None:
  """Run the rows and write the page after each: what is done can be read.

  Args:
    plan: how.
    only: rows; default: all.
    broken: write a folder with bad files, and end.
  """
  if broken:
    return write_broken(pathlib.Path(broken))
  names = command.chosen('only', only, [r.name for r in originals_rows.ROWS])
  for row in originals_rows.ROWS:
    if row.name in names:
      print(row.name, make(row, plan)['status'], flush=True)
    write_page(plan)
  print(plan.output)


def make(row: originals_rows.Row, plan: Plan) -> dict:
  """Run the commands of a row unless it is done; return its entry."""
  folder = pathlib.Path(plan.workdir).absolute() / row.name
  path = folder / 'row.json'
  if path.exists() and not plan.again:
    entry = json.loads(path.read_text())
    if entry['full'] == plan.full and entry['status'] == 'done':
      return entry
  began, lines = time.monotonic(), []
  entry = {'full': plan.full, 'minutes': plan.minutes, 'status': 'done'}
  try:
    for name in row.needs:
      if not _given(plan, name):
        raise timed_run.Failed(f'--{name} was not given: {_GIVEN[name]}')
    for i, line in enumerate(row.commands):
      text = _run(fill(line, folder, plan), folder / f'{i}.log', plan)
      lines += [x for x in text.splitlines() if re.search(row.lines, x)]
    if not row.shows_given:
      entry['figure'] = _figure(row, folder, plan)
  except timed_run.Failed as error:
    entry['status'] = f'not made: {error}'
  for name in row.needs:
    lines = [x.replace(getattr(plan, name), name.upper()) for x in lines]
  entry |= {
    'lines': [_anonymous(line, folder) for line in lines[-_LINES:]],
    'status': _anonymous(entry['status'], folder),
    'seconds': time.monotonic() - began,
  }
  write_atomic(path, json.dumps(entry, indent=1).encode())
  return entry


def _given(plan: Plan, name: str) -> bool:
  """Return whether a file was given that is not built in."""
  return getattr(plan, name) not in ('', 'builtin', 'builtin:5')


def fill(line: str, folder: pathlib.Path, plan: Plan) -> str:
  """Return a command with its words in braces filled in."""
  words = _FULL if plan.full else _SMALL
  given = {name: getattr(plan, name) for name in _GIVEN}
  return line.format(
    **words
    | given
    | {
      'table': words['table'].format(steps=plan.steps),
      # A run is stopped after its minutes; its schedules stay as they are.
      'train': '' if plan.full else '--set train.rescale=false',
      'work': folder,
      'shared': folder.parent,
      'mnist': plan.mnist and f'--data={plan.mnist}',
    }
  )


def write_broken(folder: pathlib.Path) -> None:
  """Write 40 pictures, one of them cut short and one that is none."""
  for i, picture in enumerate(procedural.render(0, 40, 48).painting):
    images.save_png(folder / f'{i:02d}.png', picture)
  path = folder / '07.png'
  path.write_bytes(path.read_bytes()[:200])
  (folder / '11.png').write_text('no picture')


def write_page(plan: Plan) -> None:
  """Write the page from what is in the work folder."""
  parts = [
    '# The originals and ours',
    '',
    'Every system of five earlier projects (S0 to S4): the claim of the '
    "project's report, the commands that run the same system here, and their "
    'results. Runs of laptop size take minutes, on the built-in pictures '
    'unless `--data` says otherwise: they show that a system runs and what it '
    'reports, not its final quality. The page is written by',
    '',
    f'    python -m tools.studies.originals --minutes={plan.minutes:g} '
    f'--steps={plan.steps}',
    '',
    'and, with `--full`, in full size on an accelerator. Times were measured '
    'with other work on the machine.',
  ]
  for row in originals_rows.ROWS:
    path = pathlib.Path(plan.workdir) / row.name / 'row.json'
    entry = json.loads(path.read_text()) if path.exists() else None
    parts += [
      f'\n## {row.name}\n\n*{row.claim}*\n',
      *_section(row, entry, plan),
    ]
  write_atomic(plan.output, ('\n'.join(parts) + '\n').encode())


def _section(
  row: originals_rows.Row, entry: dict | None, plan: Plan
) -> list[str]:
  shown = dataclasses.replace(
    plan,
    full=bool(entry and entry['full']),
    **{n: n.upper() for n in _GIVEN if n in row.needs or _given(plan, n)},
  )
  texts = [fill(x, pathlib.Path('runs', row.name), shown) for x in row.commands]
  parts = ['    ' + re.sub('^tools', 'python -m tools', x) for x in texts]
  if entry is None:
    return [*parts, '', 'Not run yet.']
  how = (
    f'{"full" if entry["full"] else "laptop"} size, '
    f'{entry["seconds"] / 60:.1f} minutes in all'
  )
  if entry['status'] != 'done':
    return [*parts, '', f'{entry["status"]} ({how}).']
  lines = ['    ' + line for line in entry['lines']]
  if all(line.startswith('|') for line in entry['lines']):
    # A second table begins after an empty line.
    lines = ['\n'.join(entry['lines']).replace('\n| |', '\n\n| |')]
  parts += ['', f'{how}:'.capitalize(), '', *lines]
  if entry.get('figure'):
    parts += ['', f'![{row.name}]({entry["figure"]})']
  elif row.shows_given:
    note = 'The figure shows pictures of the user, so it is not included.'
    parts += ['', note]
  return parts


def _run(line: str, log: pathlib.Path, plan: Plan) -> str:
  program, *arguments = shlex.split(line)
  if program == 'art_jax':
    return timed_run.art_jax(
      arguments, log, plan.minutes if arguments[0] == 'train' else 0
    )
  return timed_run.command(['-m', program, *arguments], log)


def _figure(row: originals_rows.Row, folder: pathlib.Path, plan: Plan) -> str:
  """Join the newest file of each pattern, side by side, beside the page."""
  age = lambda path: (path.stat().st_mtime, str(path))  # noqa: E731
  newest = [max(folder.glob(p), key=age, default=None) for p in row.figure]
  parts = [np.array(Image.open(x).convert('RGB')) for x in newest if x]
  if not parts and row.figure:
    raise timed_run.Failed(f'no figure ({", ".join(row.figure)})')
  if not parts:
    return ''
  height = max(map(len, parts))
  padded = [
    np.pad(p, ((0, height - len(p)), (0, 0), (0, 0)), constant_values=255)
    for p in parts
  ]
  whole, data = Image.fromarray(np.concatenate(padded, axis=1)), io.BytesIO()
  if whole.width > _WIDTH:
    whole.thumbnail((_WIDTH, _WIDTH))
  whole.save(data, 'JPEG', quality=85)
  name = f'pictures/originals_{row.name.replace(".", "_")}.jpg'
  write_atomic(pathlib.Path(plan.output).parent / name, data.getvalue())
  return name


def _anonymous(text: str, folder: pathlib.Path) -> str:
  """Replace folders of this machine by what they stand for."""
  text = text.replace(f'{folder.parent}/', 'runs/')
  return text.replace(f'{pathlib.Path.home()}/', '~/').replace(f'{_ROOT}/', '')


if __name__ == '__main__':
  command.run(main)
