"""Run the commands of README and docs at tiny size, on the built-in pictures.

  tools/docs.sh --run [PAGE ...]

A training becomes the experiment's tiny form of two steps, a run the one that
such a training left, and files that a command reads are drawn first. The fields
that a command sets are checked against the full-size experiment. What cannot
be run here is parsed, and listed with the reason. Ends with exit code 1 if a
command fails.
"""

import contextlib
import dataclasses
import io
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from tools import command

_ROOT = pathlib.Path(__file__).resolve().parents[2]
# Words of a command -> why it is only parsed; the first that is found counts.
_PARSED = {
  r'^(pip|python3) ': 'installs packages',
  r'^tools/(demo|test)\.sh': 'run by every change',
  r'^tools/launch|launch/local': 'starts processes on other machines or GPUs',
  r'fetch \w': 'needs the network',
  r'--weights=': 'needs weights of others',
  r'expect_platform=gpu|coordinator=': 'needs other devices or hosts',
  r'my/flow\.py': 'run by tests/contract, from the page',
  r' \.\.\.|\[|\bMODE\b': 'shows a form, not a command',
  r'runs/(S\d|GANGogh)': 'run by tools.studies.originals',
  r'^python -m tools\.': 'minutes to hours; its arguments are parsed',
  r'\.mp4': 'run by tests/style_transfer',
}
# A run of the docs that is not called like its experiment.
_RUNS = {
  'NAME': 'dcgan_paintings',
  'a': 'dcgan_paintings',
  'b': 'vae',
  'c': 'autoencoder',
  'cdcgan': 'cdcgan_wikiart',
}
_SMALL = {
  'train': '--tiny --devices=1 --set=train.duration=2',
  'describe': '--tiny --devices=1',
  'benchmark': '--tiny --devices=1 --steps=1 --nostarts',
  'sweep': '--tiny --devices=1 --set=train.duration=1',
  'stylize': '--tiny --size=48 --steps=1',
  'sample': '--num=2 --frames=2',
  'evaluate': '--num=16 --features=pixels32 --devices=1',
}
# Fields of a training that its tiny form chooses itself.
_SIZES = (
  r'data\.|train\.|\.(width|size|levels|blocks|depth|latent_size)=|weights|'
)
_SIZES += r'num_classes|styles|attributes|schedule'


@dataclasses.dataclass(frozen=True)
class Command:
  """A command of a page.

  Attributes:
    place: page and line.
    text: on one line.
  """

  place: str
  text: str

  @property
  def reason(self) -> str:
    """Why it is only parsed; '' if it is run."""
    matches = (
      why for what, why in _PARSED.items() if re.search(what, self.text)
    )
    return next(matches, '')


def commands(page: pathlib.Path) -> Iterator[Command]:
  """Yield the commands that stand in the code blocks of a page."""
  lines = iter(enumerate(page.read_text().splitlines(), 1))
  for number, line in lines:
    if re.match(r'    (art_jax|tools/|python|pip) ?', line):
      text = line
      while text.endswith('\\'):
        text = text[:-1] + next(lines)[1].strip()
      place = f'{page.relative_to(_ROOT)}:{number}'
      yield Command(place, text.partition(' #')[0].strip())


def small(text: str) -> list[str]:
  """Return the arguments of `art_jax` for the tiny form of a command."""
  _, mode, *words = shlex.split(text)
  words = ' '.join(map(shlex.quote, words)).replace('--set ', '--set=')
  own = {'train': _SIZES, 'sweep': 'duration'}.get(mode)  # set by the tiny form
  kept = []
  for word in shlex.split(words):
    drop = re.match(r'--(data|num|frames|size|steps|features|devices)=', word)
    field = own and re.match(rf'--set=.*({own})', word)
    if not drop and not field:
      kept.append(re.sub(r'^(runs/\w+|DIR|RUN)$', _run_of, word))
  return [mode, *kept, *shlex.split(_SMALL.get(mode, ''))]


def _run_of(match: re.Match) -> str:
  name = match[0].removeprefix('runs/')
  return f'runs/{_RUNS.get(name, name if "/" in match[0] else "vae")}'


def _art_jax(arguments: list[str]) -> tuple[int, str]:
  """Run the command line in this process; return exit code and stderr."""
  from art_jax.cli import entry
  from art_jax.cli.flags import FLAGS

  FLAGS.unparse_flags()
  errors = io.StringIO()
  with contextlib.redirect_stdout(io.StringIO()):
    with contextlib.redirect_stderr(errors):
      try:
        code = entry.main(entry.parse(['art_jax', *arguments]))
      except SystemExit as exit_:
        code = int(exit_.code or 0)
  return code, errors.getvalue()


def _prepare(arguments: list[str]) -> None:
  """Make the runs and the files that a command reads."""
  from art_jax.data import paintings

  for word in arguments:
    name = word.rpartition('=')[2]
    if name.startswith('runs/') and not word.startswith('--workdir'):
      if not pathlib.Path(name, 'checkpoints').exists():
        experiment = _RUNS.get(name[5:], name[5:])
        code, error = _art_jax(small(f'art_jax train {experiment}'))
        if code:
          raise RuntimeError(f'{name} could not be trained: {error}')
        trained = pathlib.Path('runs', f'{experiment}_tiny')
        trained.rename(name)
    for file in name.split(','):
      path = pathlib.Path(file)
      if path.suffix in ('.jpg', '.png') and '--output' not in word:
        paintings.scene(0).resize((48, 40)).save(path)
    if word in ('--input=photos', '--real=paintings', '--fake=blurred'):
      folder = pathlib.Path(name)
      folder.mkdir(exist_ok=True)
      for i in range(16):
        paintings.scene(i).resize((48, 40)).save(folder / f'{i}.png')


def _parse(text: str) -> tuple[int, str]:
  """Check the arguments of a command that is not run."""
  from art_jax.cli import arguments
  from art_jax.cli.flags import FLAGS

  words = shlex.split(text.replace('[', '').replace(']', ''))
  if text.startswith('python -m tools.'):
    done = subprocess.run(
      [sys.executable, '-m', words[2], '--help'],
      cwd=_ROOT,
      capture_output=True,
      text=True,
    )
    unknown = [
      word
      for word in words[3:]
      if word.startswith('--')
      and word[2:].partition('=')[0] not in done.stdout.replace('--[no]', '--')
    ]
    return done.returncode or len(unknown), f'{done.stderr}{unknown}'
  if text.startswith(('tools/launch', 'python tools/launch')):
    words = [sys.executable, *words[1:]] if words[0] == 'python' else words
    at = words.index('--')
    words = [*words[:at], '--dry_run', *words[at:]]
    done = subprocess.run(words, cwd=_ROOT, capture_output=True, text=True)
    return done.returncode, done.stderr
  if words[0] != 'art_jax' or '...' in words or 'MODE' in words:
    return 0, ''
  FLAGS.unparse_flags()
  try:
    arguments.parse(words)
  except Exception as error:
    return 2, str(error)
  return 0, ''


def _check_fields(text: str) -> None:
  """Apply what a training sets to its full-size experiment."""
  from art_jax.config import experiments

  words = shlex.split(text)
  pairs = zip(words, words[1:], strict=False)
  settings = [value for flag, value in pairs if flag == '--set']
  experiments.override(experiments.load(words[2]), settings)


def _run(one: Command, done: dict[tuple, tuple[int, str]]) -> tuple[int, str]:
  if one.reason:
    return _parse(one.text)
  arguments = small(one.text)
  if arguments[0] == 'train':
    _check_fields(one.text)
  key = tuple(word for word in arguments if '--workdir' not in word)
  if key not in done:
    _prepare(arguments)
    extra = ['--overwrite'] * any('--output' in word for word in arguments)
    extra *= arguments[0] not in ('evaluate',)
    done[key] = _art_jax([*arguments, *extra])
  return done[key]


def main(*, only: str = '') -> int:
  """Run the commands of all pages, or of some.

  Args:
    only: a part of the names of the pages.
  """
  pages = [_ROOT / 'README.md', *sorted((_ROOT / 'docs').rglob('*.md'))]
  rows, failed, done = [], [], {}
  with tempfile.TemporaryDirectory() as folder:
    os.environ['ART_JAX_HOME'] = f'{folder}/home'
    os.chdir(folder)
    for page in pages:
      for one in commands(page) if only in str(page) else ():
        start = time.monotonic()
        try:
          code, error = _run(one, done)
        except Exception as problem:
          code, error = 1, f'{type(problem).__name__}: {problem}'
        seconds = f'{time.monotonic() - start:.1f}'
        rows.append(
          (one.place, one.text, one.reason or 'run', str(code), seconds)
        )
        print(command.table(('', '', '', '', ''), rows[-1:]).splitlines()[-1])
        if code:
          failed.append(f'{one.place}: {one.text}\n  {error.strip()}')
    os.chdir(_ROOT)
  ran = sum(row[2] == 'run' for row in rows)
  print(f'{ran} commands run, {len(rows) - ran} parsed, {len(failed)} failed')
  print('\n'.join(failed), file=sys.stderr)
  return int(bool(failed))


if __name__ == '__main__':
  os.environ.setdefault('JAX_PLATFORMS', 'cpu')
  command.run(main, quiet=True)
