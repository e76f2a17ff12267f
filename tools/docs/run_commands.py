"""Run the commands of README and docs at tiny size.

  tools/docs.sh --run [--only=PAGE]

An `art_jax` command takes the tiny form of its experiment for two steps; the
fields that it sets are checked against the full experiment too. Runs that a
command reads are trained, and pictures, clips and weights are made. What cannot
run here is parsed, launchers with --dry_run. Prints a line for each command;
the exit code is 1 if one fails.
"""

import contextlib
import importlib
import io
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator

import jax
from absl import flags

from art_jax.cli import arguments, entry
from art_jax.config import experiments
from tools import command
from tools.docs import inputs

_ROOT = pathlib.Path(__file__).resolve().parents[2]
# Part of a command -> why it is only parsed.
_NOT_RUN = {
  r'^(pip|python3 -m venv)': 'installs packages',
  r'^tools/(demo|test|docs)\.sh': 'installs into .venv, takes minutes',
  r'^tools/launch/|--gpus|--expect_platform|--coordinator': 'needs other hosts '
  'or GPUs',
  r'benchmarks/card\.sh': 'needs a GPU',
  r'^(art_jax studio|ssh)\b': 'serves until it is stopped',
  r'^art_jax fetch \w|\bhf:|/kaggle/|--log=': 'needs a network, other packages '
  'or data',
  r'=(inception|squeezenet)|face_kept|nnst_beside|gatys_speed'
  r'|gatys --experiment|^art_jax paint\b': 'needs published weights',
  r'=(CONTENT|STYLE|SCREAM)\b|\b(FLOW|DCGAN)\b|originals/S3\.': 'needs '
  'data and published weights',
  r'--checkpoint=\d{4}': 'needs a longer run',
  r'bench_peers': 'needs PyTorch',
  r'--target=|benchmarks\.targets': 'needs the plugin of a TPU or a GPU',
  r'transpose_speed|input_speed|alarm_cost|studies\.originals --minutes'
  r'|studies\.gallery': 'minutes',
  r'\[|\bMODE\b|\.\.\.': 'shows a form',
}
_UNWATCHED = '--set=train.on_alarm=off --set=train.best_metric=none'
# What makes a command small; of flags given twice the last one counts.
_SMALL = {
  'train': f'--tiny --devices=1 --set=train.duration=2 {_UNWATCHED}',
  'describe': '--tiny --devices=1',
  'compare': '--overwrite',
  'benchmark': '--tiny --steps=1 --nostarts',
  'sweep': f'--tiny --devices=1 --set=train.duration=1 {_UNWATCHED}',
  'stylize': '--tiny --size=48 --steps=1',
  'launch': f'--set=train.duration=2 {_UNWATCHED}',
  'sample': '--num=2 --frames=2',
  'evaluate': '--num=8 --devices=1',
  'tools.studies.attributes': '--steps=2 --count=8',
  'tools.studies.class_agreement': '--steps=2 --per_class=2',
  'tools.studies.facades': '--nolpips',
  'tools.studies.fast_against_gatys': '--size=32 --iterations=1',
  'tools.studies.known_truth': '--count=64 --size=32',
  'tools.studies.pan_clip': '--size=48x32 --frames=2',
  'tools.studies.side_by_side': '--num=16',
  'tools.studies.tables': '--steps=2 --count=40 --num=8 --batch=4 --width=4 '
  '--seeds=1 --latents=64 --only=baseline',
  'tools.studies.which_model': '--minutes=0.02 --num=8 --batch=4 --width=4 '
  '--only=autoencoder --results=which.json --output=which.md',
}
# Fields that a tiny experiment chooses itself.
_SIZES = re.compile(
  r'--(set|versus)=(data\.(size|load_size|source)|train\.(?!on_|seed|rescale)|algorithm'
  r'\.(\S+\.)?(size|width|levels|blocks|depth|num_classes|latent_size|weights|'
  r'style_weights|coarse_size|margin)=)'
)
# Runs that are not called like their experiment.
_RUNS = {
  'NAME': 'dcgan_paintings',
  'a': 'dcgan_paintings',
  'b': 'wgan_art128',
  'c': 'vae',
  'pix2pix_scenes': 'pix2pix_facades',
  'cdcgan': 'cdcgan_wikiart',
  'pix2pix_facades_ba': 'pix2pix_facades',
}
# A line of a code block, and those that a backslash joins to it.
_COMMAND = re.compile(
  r'^    ((?:art_jax |tools/|python3? |pip )(?:.*\\\n)*.*)$', re.MULTILINE
)
_RUN = re.compile(r'(?:--(?:run|init_from)=)?(runs/\S+)')
_FILE = re.compile(r'[\w./-]+\.(?:jpg|png|mp4|pth|safetensors)\b')
_READ = 'content|style|input|pictures?|start|mask|weights|set.*'


def commands(page: pathlib.Path) -> Iterator[tuple[str, str]]:
  """Yield (page:line, command) of the commands in code blocks of a page."""
  content = page.read_text()
  for block in _COMMAND.finditer(content):
    number = content.count('\n', 0, block.start()) + 1
    line = re.sub(r'\\\n\s*', '', block[1]).partition(' #')[0].strip()
    text = re.sub(r'--(set|versus) ', r'--\1=', line)
    yield f'{page.relative_to(_ROOT)}:{number}', text


def all_commands(only: str = '') -> Iterator[tuple[str, str]]:
  """Yield (page:line, command) of README and docs.

  Args:
    only: part of the name of a page.
  """
  for page in [*_ROOT.glob('*.md'), *sorted((_ROOT / 'docs').rglob('*.md'))]:
    if only in str(page.relative_to(_ROOT)):
      yield from commands(page)


class Runner:
  """Runs commands in a folder of its own, and knows the runs in it."""

  def __init__(self):
    self.runs: dict[str, str] = {}  # path in the docs -> folder
    self.trained: dict[tuple[str, ...], str] = {}  # small command -> folder
    self.codes: dict[tuple[str, ...], int] = {}  # small command -> exit code

  def run(self, text: str) -> int:
    """Run the small form of a command; return its exit code."""
    words = [
      # Folders and clips of the reader are below this folder.
      re.sub(r'^((--\w+=)|)/(?=\w)', r'\1', word)
      for word in shlex.split(text)
    ]
    if words[:2] == ['python', 'tools/launch/local.py']:
      return _process(*words, *_SMALL['launch'].split())
    if words[0] == 'art_jax':
      return self._art_jax(*words[1:])
    learner = 'pix2pix_facades' if 'facades' in words[2] else ''
    words[3:] = [self._prepared(word, learner) for word in words[3:]]
    main = importlib.import_module(words[2]).main
    small = _SMALL.get(words[2], '').split()
    if re.search('(tables|which_model) (?!.*workdir=runs)', text):
      small.append(f'--workdir={tempfile.mkdtemp(dir=".")}')
    return command.call(main, [*words[3:], *small])

  def _art_jax(self, mode: str, *words: str) -> int:
    small = _SMALL.get(mode, '').split()
    experiment = words[0] if mode == 'train' else ''
    if mode == 'stylize' and words[0].startswith('--'):
      small = []  # of a trained network
    elif mode in ('train', 'stylize', 'describe'):
      _check_fields(words[0], words[1:])
    if mode not in ('sample', 'translate', 'evaluate', 'export'):
      words = tuple(word for word in words if not _SIZES.match(word))
    if mode == 'benchmark':
      several = any(word.startswith('--devices=1,') for word in words)
      small.append('--devices=1,2' if several else '--devices=1')
    output = any(word.startswith('--output=') for word in words)
    small = [*small, *['--overwrite'] * (output and mode != 'evaluate')]
    words = tuple(self._prepared(word, experiment) for word in words)
    if mode != 'train':
      return self._once(mode, *words, *small)
    workdirs = [word for word in words if word.startswith('--workdir=')]
    folder = workdirs[0][10:] if workdirs else f'runs/{experiment}'
    words = tuple(word for word in words if word not in workdirs)
    where = self.trained.setdefault(words, f'trained/{len(self.trained)}')
    self.runs[folder] = where
    return self._once(mode, *words, *small, f'--workdir={where}')

  def _once(self, *words: str) -> int:
    """Run `art_jax`, unless the same small command was run before."""
    if words not in self.codes:
      flags.FLAGS.unparse_flags()
      self.codes[words] = entry.main(entry.parse(['art_jax', *words]))
    return self.codes[words]

  def _prepared(self, word: str, experiment: str = '') -> str:
    """Make what a word of a command names; return it with today's folders."""
    flag, _, value = word.lstrip('-').rpartition('=')
    if match := _RUN.fullmatch(word):
      return word.replace(match[1], self._run_folder(match[1]))
    if flag == 'data' and value != 'builtin' and ':' not in value:
      if not pathlib.Path(value).exists():  # one for all names
        suffix = '.npz' if value == 'MNIST' else pathlib.Path(value).suffix
        value = f'data/{experiment or "any"}{suffix}'
      inputs.make(value, experiment)
      return f'--data={value}'
    files = _FILE.findall(value) if re.fullmatch(_READ, flag) else []
    if flag in ('real', 'fake') or flag == 'input' and not files:
      files = [value]  # a folder
    for file in files:
      inputs.make(file)
    if word.endswith('my/flow.py'):
      page = (_ROOT / 'docs/extending.md').read_text()
      (model,) = re.findall(
        r'```python\n([^`]*def experiment\(\).*?)```', page, re.S
      )
      pathlib.Path('my').mkdir(exist_ok=True)
      pathlib.Path('my/flow.py').write_text(model)
    return word

  def _run_folder(self, path: str) -> str:
    """Return the folder of a run, trained if it is not."""
    if pathlib.Path(path, 'config.txt').is_file():
      return path
    if path not in self.runs:
      name = pathlib.Path(path).name
      self._art_jax('train', _RUNS.get(name, name), f'--workdir={path}')
    return self.runs[path]


def _check_fields(experiment: str, words: tuple[str, ...]) -> None:
  """Apply the fields that a command sets to the full experiment."""
  changes = [re.match('--(?:set|versus)=(.*)', word) for word in words]
  if not experiment.endswith('.py'):
    settings = [change[1] for change in changes if change]
    experiments.override(experiments.load(experiment), settings)


def parse(text: str) -> int:
  """Check the flags of a command that is not run; return an exit code."""
  words = shlex.split(text)
  if 'tools/launch/' in text:
    words.insert(words.index('--'), '--dry_run')
    return _process(*words)
  if text.startswith('python -m tools.'):
    command.parse(importlib.import_module(words[2]).main, words[3:])
  elif words[0] == 'art_jax' and not re.search(r'\[|MODE', text):
    flags.FLAGS.unparse_flags()
    arguments.parse(words)
  return 0


def _process(*words: str) -> int:
  """Run a program of tools/, with the output of this process."""
  done = subprocess.run(
    [
      re.sub(
        '^tools/', f'{_ROOT}/tools/', re.sub('^python$', sys.executable, x)
      )
      for x in words
    ],
    env={**os.environ, 'XLA_FLAGS': '', 'PYTHONPATH': str(_ROOT)},
    capture_output=True,
    text=True,
  )
  print(done.stdout, done.stderr)
  return done.returncode


def _attempt(function, text: str) -> tuple[int, str]:
  """Call with a command; return the exit code and what was printed."""
  printed, code = io.StringIO(), 1
  with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
    try:
      code = function(text)
    except SystemExit as stopped:
      code = stopped.code if isinstance(stopped.code, int) else 1
    except Exception:
      traceback.print_exc()
  return code, printed.getvalue()


def main(*, only: str = '') -> int:
  """Run the commands of all pages, or of some.

  Args:
    only: part of the name of a page.
  """
  runner, failed, count = Runner(), [], 0
  with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    os.environ.setdefault('ART_JAX_HOME', f'{folder}/home')
    for place, text in all_commands(only):
      start = time.monotonic()
      reasons = [why for what, why in _NOT_RUN.items() if re.search(what, text)]
      code, printed = _attempt(parse if reasons else runner.run, text)
      seconds = f'{time.monotonic() - start:.1f}'
      note = f'  [parsed: {reasons[0]}]' if reasons else ''
      jax.clear_caches()
      print(f'{code:3} {seconds:>6} s  {place}: {text}{note}', flush=True)
      count += not reasons
      if code:
        failed.append(f'{place}: {text}\n{printed[-2000:]}')
        print('  ', printed.strip().rpartition('\n')[2])
    os.chdir(_ROOT)
  print(f'{count} commands run, {len(failed)} failed')
  print('\n'.join(failed), file=sys.stderr)
  return int(bool(failed))


if __name__ == '__main__':
  os.environ.setdefault('JAX_PLATFORMS', 'cpu')
  # The programs are tiny: compiling them is most of the time.
  os.environ['XLA_FLAGS'] = (
    '--xla_force_host_platform_device_count=2 '
    '--xla_backend_optimization_level=0 '
    '--xla_llvm_disable_expensive_passes=true'
  )
  command.run(main, quiet=True)
