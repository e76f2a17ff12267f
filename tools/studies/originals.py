"""The systems of the source documents against ours, on one page.

  python -m tools.studies.originals --minutes=2 --workdir=/tmp/originals
  python -m tools.studies.originals --only=S1.2,S4.2
  python -m tools.studies.originals --full --minutes=600     (on an accelerator)

Writes docs/originals.md and pictures beside it: for every row what its document
claims, our command, our figure and our numbers. Without --full everything is of
laptop size, on the built-in pictures unless others are given. A row that is
done is kept in the work folder; --again makes those of --only anew.
"""

import argparse
import io
import json
import pathlib
import re
import shlex
import time

from PIL import Image

from art_jax.core.paths import write_atomic
from art_jax.data import procedural
from art_jax.media import images
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


def main() -> None:
  """Run the command line."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--only', default='', help='rows, with commas')
  parser.add_argument('--again', action='store_true', help='though done')
  parser.add_argument('--full', action='store_true', help='of full size')
  parser.add_argument('--minutes', type=float, default=2, help='of a training')
  parser.add_argument('--steps', type=int, default=200, help='of table cells')
  parser.add_argument('--workdir', default='/tmp/originals')
  parser.add_argument('--output', default='docs/originals.md')
  parser.add_argument('--broken', help='write a folder with bad files, and end')
  for name, text in _GIVEN.items():
    default = {'content': 'builtin', 'style': 'builtin:5'}.get(name, '')
    parser.add_argument(f'--{name}', default=default, help=text)
  flags = parser.parse_args()
  if flags.broken:
    write_broken(pathlib.Path(flags.broken))
    return
  names = [row.name for row in originals_rows.ROWS]
  chosen = flags.only.split(',') if flags.only else names
  if unknown := set(chosen) - set(names):
    parser.error(f'--only={",".join(unknown)}: rows are {", ".join(names)}')
  for row in originals_rows.ROWS:
    if row.name in chosen:
      print(row.name, make(row, flags)['status'], flush=True)
    write_page(flags)  # After every row: what is done can be read.
  print(flags.output)


def make(row: originals_rows.Row, flags) -> dict:
  """Run the commands of a row unless it is done; return its entry."""
  folder = pathlib.Path(flags.workdir).absolute() / row.name
  path = folder / 'row.json'
  if path.exists() and not flags.again:
    entry = json.loads(path.read_text())
    if entry['full'] == flags.full and entry['status'] == 'done':
      return entry
  began, lines = time.monotonic(), []
  entry = {'full': flags.full, 'minutes': flags.minutes, 'status': 'done'}
  try:
    for name in row.needs:
      if getattr(flags, name) in ('', 'builtin', 'builtin:5'):
        raise timed_run.Failed(f'--{name} was not given: {_GIVEN[name]}')
    for i, command in enumerate(row.commands):
      text = _run(fill(command, folder, flags), folder / f'{i}.log', flags)
      lines += [x for x in text.splitlines() if re.search(row.lines, x)]
    if not row.shows_given:
      entry['figure'] = _figure(row, folder, flags)
  except timed_run.Failed as error:
    entry['status'] = f'not made: {error}'
  for name in row.needs:
    lines = [x.replace(getattr(flags, name), name.upper()) for x in lines]
  entry['lines'] = _anonymous(lines[-_LINES:], folder)
  entry['status'] = _anonymous([entry['status']], folder)[0]
  entry['seconds'] = time.monotonic() - began
  write_atomic(path, json.dumps(entry, indent=1).encode())
  return entry


def fill(command: str, folder: pathlib.Path, flags) -> str:
  """Return a command with its words in braces filled in."""
  words = dict(_FULL if flags.full else _SMALL)
  words['table'] = words['table'].format(steps=flags.steps)
  # A training is stopped after its minutes; its schedules stay as they are.
  words['train'] = '' if flags.full else '--set train.rescale=false'
  words |= {'work': str(folder), 'shared': str(folder.parent)}
  words |= {name: getattr(flags, name) for name in _GIVEN}
  if flags.mnist:
    words['mnist'] = f'--data={flags.mnist}'
  return command.format(**words)


def write_broken(folder: pathlib.Path) -> None:
  """Write 40 pictures, one of them cut short and one that is none."""
  folder.mkdir(parents=True, exist_ok=True)
  for i, picture in enumerate(procedural.render(0, 40, 48).painting):
    images.save_png(folder / f'{i:02d}.png', picture)
  path = folder / '07.png'
  path.write_bytes(path.read_bytes()[:200])
  (folder / '11.png').write_text('no picture')


def write_page(flags) -> None:
  """Write the page from what is in the work folder."""
  parts = [
    '# The originals and ours',
    '',
    'Every system of the five source documents (S0 to S4): what its document '
    'says, the command that runs ours, what it gave. Laptop-sized rows show '
    'that a system runs and what it reports; they are minutes of training on '
    'built-in pictures where nothing else is said, no verdict on quality. The '
    'page is written by',
    '',
    f'    python -m tools.studies.originals --minutes={flags.minutes:g} '
    f'--steps={flags.steps}',
    '',
    'and with `--full` in full size on an accelerator. Times were taken beside '
    'other work.',
  ]
  for row in originals_rows.ROWS:
    path = pathlib.Path(flags.workdir) / row.name / 'row.json'
    entry = json.loads(path.read_text()) if path.exists() else None
    parts += ['', f'## {row.name}', '', f'*{row.claim}*', '']
    parts += _section(row, entry, flags)
  write_atomic(flags.output, ('\n'.join(parts) + '\n').encode())


def _section(row: originals_rows.Row, entry: dict | None, flags) -> list[str]:
  words = argparse.Namespace(**vars(flags))
  words.full = bool(entry and entry['full'])
  for name in _GIVEN:
    builtin = getattr(words, name) in ('builtin', 'builtin:5')
    if name in row.needs or not builtin:
      setattr(words, name, name.upper())
  shown = [
    fill(c, pathlib.Path('runs') / row.name, words) for c in row.commands
  ]
  found = [
    f'    {c.replace("art_jax ", "python -m art_jax.main ", 1)}'
    if c.startswith('art_jax ')
    else f'    python {c}'
    for c in shown
  ]
  if entry is None:
    return [*found, '', 'Not run yet.']
  size = 'full size' if entry['full'] else 'laptop size'
  told = f'{size}, {entry["seconds"] / 60:.1f} minutes in all'
  if entry['status'] != 'done':
    return [*found, '', f'{entry["status"]} ({told}).']
  if all(line.startswith('|') for line in entry['lines']):
    # A second table begins after an empty line.
    lines = '\n'.join(entry['lines']).replace('\n| |', '\n\n| |').split('\n')
  else:
    lines = ['    ' + line for line in entry['lines']]
  found += ['', f'{told}:'.capitalize(), '', *lines]
  if entry.get('figure'):
    found += ['', f'![{row.name}]({entry["figure"]})']
  elif row.shows_given:
    found += ['', 'The figure shows the pictures given, so it is not here.']
  return found


def _run(command: str, log: pathlib.Path, flags) -> str:
  program, *arguments = shlex.split(command)
  if program == 'art_jax':
    training = not any(x.startswith('--mode=') for x in arguments)
    limit = flags.minutes if training else 0
    return timed_run.art_jax(arguments, log, limit)
  return timed_run.command(['-m', program, *arguments], log)


def _figure(row: originals_rows.Row, folder: pathlib.Path, flags) -> str:
  """Join the newest file of each pattern, side by side, beside the page."""
  found = [sorted(folder.glob(p), key=_made)[-1:] for p in row.figure]
  parts = [Image.open(path[0]).convert('RGB') for path in found if path]
  if not parts:
    if row.figure:
      raise timed_run.Failed(f'no figure ({", ".join(row.figure)})')
    return ''
  height = max(part.height for part in parts)
  whole = Image.new('RGB', (sum(p.width for p in parts), height), 'white')
  left = 0
  for part in parts:
    whole.paste(part, (left, 0))
    left += part.width
  if whole.width > _WIDTH:
    whole.thumbnail((_WIDTH, _WIDTH))
  output = pathlib.Path(flags.output)
  name = f'pictures/originals_{row.name.replace(".", "_")}.jpg'
  target = output.parent / name
  target.parent.mkdir(parents=True, exist_ok=True)
  data = io.BytesIO()
  whole.save(data, 'JPEG', quality=85)
  write_atomic(target, data.getvalue())
  return name


def _made(path: pathlib.Path) -> tuple[float, str]:
  return path.stat().st_mtime, str(path)


def _anonymous(lines: list[str], folder: pathlib.Path) -> list[str]:
  """Replace folders of this machine by what they stand for."""
  home = f'{pathlib.Path.home()}/'
  replaced = [x.replace(f'{folder.parent}/', 'runs/') for x in lines]
  return [x.replace(home, '~/').replace(f'{_ROOT}/', '') for x in replaced]


if __name__ == '__main__':
  main()
