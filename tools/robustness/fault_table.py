"""Make the table of docs/reliability.md: what was done, seen and lost.

  python -m tools.robustness.fault_table > table.md

Trains the tiny CycleGAN in processes of their own and breaks what it stands
on. Needs the right to mount a tmpfs for the rows about disks; they say so
where there is none.
"""

import contextlib
import json
import logging as python_logging
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator

from absl import logging

from art_jax.config import shapes
from art_jax.runs import checkpoints
from tools import command
from tools.robustness import trainer_process

_NAME, _TOY = 'cyclegan_demo', 'tests/toy.py'
_FLAGS = trainer_process.settings(
  duration=16, checkpoint_every=4, log_every=1, render_every=16
)
_HOME = tempfile.TemporaryDirectory(prefix='faults_home_')
Row = tuple[str, str, str]
Damage = Callable[[pathlib.Path, random.Random], object]


def _start(run: pathlib.Path, *flags: str, name=_NAME) -> subprocess.Popen:
  return trainer_process.start(
    run, name, *_FLAGS, *flags, home=pathlib.Path(_HOME.name)
  )


def _end(process: subprocess.Popen, run: pathlib.Path) -> str:
  """Wait; return the exit code and the last message."""
  errors = process.communicate(timeout=300)[1].strip().splitlines()
  messages = [x for x in errors if re.match('art_jax: |.*Going back', x)]
  text = (messages or errors or [''])[-1].removeprefix('art_jax: ')
  text = text.replace(str(run), 'RUN').replace(socket.gethostname(), 'HOST')
  text = re.sub(r'^[WE]\d{4} .*?\] |\|', '', text)  # the logger's prefix
  return f'exit code {process.returncode}: {text[:260]}'


def _last(run: pathlib.Path) -> tuple[int, str]:
  """Return the step and the digest of the last checkpoint of a run."""
  restored = trainer_process.last(
    run, trainer_process.experiment(_NAME, _FLAGS)
  )
  return restored.step, trainer_process.digest(restored.state)


def _continue(run: pathlib.Path, good: str) -> str:
  """Start the same command again; return what is missing in the end."""
  before, process = _last(run)[0], _start(run)
  message = _end(process, run)
  if process.returncode:
    return f'NOT CONTINUED: {message}'
  same = 'bit-identical' if _last(run)[1] == good else 'DIFFERENT'
  return f'steps after {before} are done again; final state {same}'


def _data(step: pathlib.Path, rng: random.Random) -> pathlib.Path:
  """Return a file of array data, the large ones more often."""
  paths = sorted(p for p in (step / 'arrays').rglob('d/*') if p.is_file())
  return rng.choices(paths, [p.stat().st_size for p in paths])[0]


def _changed(
  change: Callable[[bytes, bytes, random.Random], bytes],
) -> Damage:
  """Return the damage that cuts a data file in two and joins it changed."""

  def damage(step, rng):
    path = _data(step, rng)
    data = path.read_bytes()
    start = rng.randrange(len(data))
    path.write_bytes(change(data[:start], data[start:], rng))

  return damage


def _change_layout(step: pathlib.Path, rng: random.Random) -> None:
  path = step / 'layout' / 'metadata'
  layout = json.loads(path.read_text())
  rng.choice(layout['leaves'])['stored'][1] += 1
  path.write_text(json.dumps(layout))


def _empty(step: pathlib.Path, _: random.Random) -> None:
  shutil.rmtree(step)
  step.mkdir()


def _replace(step: pathlib.Path, _: random.Random) -> None:
  steps = sorted(p for p in step.parent.iterdir() if p.name.isdecimal())
  shutil.rmtree(step)
  shutil.copytree(steps[0], step)


DAMAGES: dict[str, Damage] = {
  'one bit of the data flipped': _changed(
    lambda head, tail, rng: (
      head + bytes([tail[0] ^ 1 << rng.randrange(8)]) + tail[1:]
    )
  ),
  'data file cut short': _changed(lambda head, *_: head),
  'a block of the data zeroed': _changed(
    lambda head, tail, _: head + bytes(len(tail[:4096])) + tail[4096:]
  ),
  'data file removed': lambda step, rng: _data(step, rng).unlink(),
  'one item removed': lambda step, rng: shutil.rmtree(
    step / rng.choice(('arrays', 'layout', 'host'))
  ),
  'a number in the layout changed': _change_layout,
  "the loop's own numbers changed": lambda step, rng: (
    step / 'host' / 'metadata'
  ).write_text(json.dumps({'seed': rng.randrange(9, 99), 'rollbacks': 0})),
  'folder emptied': _empty,
  'stray empty folder named as a later step': lambda step, rng: step.with_name(
    str(rng.randrange(100, 999))
  ).mkdir(),
  'an older checkpoint copied over it': _replace,
}


def damaged(base: pathlib.Path, folder: pathlib.Path) -> Iterator[Row]:
  """Damage the latest checkpoint in three places per kind."""
  like = shapes.state_shapes(trainer_process.experiment(_NAME, _FLAGS))
  with checkpoints.Checkpoints(base / 'checkpoints', read_only=True) as opened:
    wanted = {
      step: trainer_process.digest(opened.restore(like, step=step).state)
      for step in opened.steps()
    }
  newest, copy = max(wanted), folder / 'copy'
  for name, damage in DAMAGES.items():
    seen, lost = set(), set()
    for place in range(3):
      shutil.copytree(base / 'checkpoints', copy)
      damage(copy / str(newest), random.Random(place))
      with _warnings() as lines, checkpoints.Checkpoints(copy) as opened:
        restored = opened.restore(like)
      right = trainer_process.digest(restored.state) == wanted[restored.step]
      lost.add(f'{newest - restored.step} steps' if right else 'WRONG STATE')
      seen.update(line.replace(str(copy), 'RUN/checkpoints') for line in lines)
      shutil.rmtree(copy)
    yield f'{name}, 3 times', '; '.join(sorted(seen)[:1]), ', '.join(lost)


@contextlib.contextmanager
def _warnings() -> Iterator[list[str]]:
  lines, handler = [], python_logging.Handler()
  handler.addFilter(lambda record: 'orbax' not in record.pathname)
  handler.emit = lambda record: lines.append(
    record.getMessage()[:220].replace('|', '/')
  )
  logging.get_absl_logger().addHandler(handler)
  try:
    yield lines
  finally:
    logging.get_absl_logger().removeHandler(handler)


@contextlib.contextmanager
def _disk(folder: pathlib.Path, *options: str) -> Iterator[pathlib.Path]:
  folder.mkdir()
  mount = ['mount', '-t', 'tmpfs', '-o', ','.join(('size=40m', *options))]
  subprocess.run([*mount, 'tmpfs', folder], check=True, capture_output=True)
  try:
    yield folder
  finally:
    subprocess.run(('umount', '-l', str(folder)), check=True)


def _broken(
  run: pathlib.Path,
  step: int,
  fault: Callable[[subprocess.Popen], object],
) -> str:
  """Train to a step, break something; return what the user saw."""
  process = _start(run)
  trainer_process.wait_for_lines(process, step)
  fault(process)
  return _end(process, run)


def _fill(path: pathlib.Path) -> None:
  """Write a file until the disk is full."""
  with contextlib.suppress(OSError):
    shutil.copyfile('/dev/zero', path)


def disks(folder: pathlib.Path, good: str) -> Iterator[Row]:
  """Fill the disk while it trains, free it, start again; a read-only disk."""
  with _disk(folder / 'small') as disk:
    run, ballast = disk / 'run', disk / 'ballast'
    seen = _broken(run, 6, lambda _: _fill(ballast))
    ballast.unlink()
    yield 'disk filled at step 6', seen, _continue(run, good)
  with _disk(folder / 'ro', 'ro') as disk:
    seen = _end(_start(disk / 'run'), disk / 'run')
    yield 'run folder on a read-only disk', seen, 'nothing'


def two_trainers(folder: pathlib.Path, good: str) -> Row:
  """Start the same command twice."""
  run, seen = folder / 'twice', []
  _broken(run, 1, lambda _: seen.append(_end(_start(run), run)))
  same = _last(run)[1] == good
  lost = 'nothing: the first one ends bit-identical' if same else 'DIFFERENT'
  return 'a second trainer started in the folder', seen[0], lost


def nan(folder: pathlib.Path, what: str) -> Iterator[Row]:
  """Inject a NaN into the metrics or the state of step 6."""
  for policy, lost in (
    ('stop', 'steps after 4; checkpoint 4 stays the latest'),
    ('rollback', 'steps after 4: done again, other data'),
  ):
    run = folder / f'{what}_{policy}'
    flags = f'--set=algorithm.bad_{what}=5', f'--set=train.on_nan={policy}'
    seen = _end(_start(run, *flags, name=_TOY), run)
    yield f'NaN in the {what} of step 6, on_nan={policy}', seen, lost


def lost_worker(folder: pathlib.Path) -> Row:
  """Kill -9 one of two processes, then start both again."""
  run = folder / 'pair'

  def start_both():
    with socket.create_server(('127.0.0.1', 0)) as free:
      port = free.getsockname()[1]
    cluster = (f'--coordinator=127.0.0.1:{port}', '--num_processes=2')
    return [
      _start(run, *cluster, f'--process_id={i}', '--devices=2') for i in (0, 1)
    ]

  first, second = start_both()
  trainer_process.wait_for_lines(first, 6)
  second.kill()
  seen = _end(first, run)
  second.communicate()
  before = _last(run)[0]
  codes = [_end(process, run)[:11] for process in start_both()]
  lost = f'steps after {before} are done again; then {codes}'
  return 'one of two processes killed (kill -9)', seen, lost


def rows(folder: pathlib.Path) -> Iterator[Row]:
  """Yield the rows of the table."""
  base = folder / 'base'
  message = _end(process := _start(base), base)
  if process.returncode:
    raise RuntimeError(message)
  good = _last(base)[1]
  yield from damaged(base, folder)
  try:
    yield from disks(folder, good)
  except (OSError, subprocess.CalledProcessError) as error:
    yield 'disk full, read-only disk', f'not done here: {error}', ''
  run = folder / 'removed'
  seen = _broken(run, 6, lambda _: shutil.rmtree(run, ignore_errors=True))
  yield 'run folder removed at step 6', seen, 'what was removed'
  yield two_trainers(folder, good)
  yield from nan(folder, 'metric')
  yield from nan(folder, 'state')
  run = folder / 'terminated'
  twice = lambda p: [p.send_signal(signal.SIGTERM) for _ in range(2)]  # noqa: E731
  seen = _broken(run, 8, twice)  # 8 is being saved
  yield 'SIGTERM twice in a save', seen, _continue(run, good)
  yield lost_worker(folder)


def main() -> None:
  """Print the table as Markdown."""
  print('| fault | what the program prints | what is lost |')
  print('| --- | --- | --- |')
  with command.folder('faults_') as folder:
    for row in rows(folder):
      print(f'| {" | ".join(row)} |', flush=True)


if __name__ == '__main__':
  command.run(main)
