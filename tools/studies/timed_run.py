"""Runs the command line for a limited time, for studies that write a page."""

import json
import os
import pathlib
import platform
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from art_jax.cli.terminal import STOPPED
from art_jax.runs import checkpoint_folder, metrics_log
from art_jax.training import goodput

_ROOT = pathlib.Path(__file__).resolve().parents[2]
# Done, an alarm, stopped on request: all leave a checkpoint.
ENDED = (0, 3, STOPPED)


class Failed(Exception):
  """A command failed; its last line says why."""


class Stop:
  """Notes SIGTERM and SIGINT instead of being killed; a context manager."""

  def __init__(self):
    self.asked = False
    self._before: dict = {}

  def __enter__(self) -> 'Stop':
    for number in (signal.SIGTERM, signal.SIGINT):
      self._before[number] = signal.signal(number, self._set)
    return self

  def __exit__(self, *unused):
    for number, handler in self._before.items():
      signal.signal(number, handler)

  def _set(self, *unused):
    self.asked = True


def art_jax(
  arguments: Sequence[str], log: pathlib.Path, minutes: float = 0
) -> str:
  """Run `python -m art_jax.main`; after the time it is asked to stop.

  Training saves a checkpoint then. The time of a training run counts from its
  first step: what is compared should not be who compiles longer.

  Args:
    arguments: of the command line.
    log: file that gets all it prints; its folder is made.
    minutes: that it may take; 0: no limit.

  Returns:
    What it printed.

  Raises:
    Failed: it ended with another code than those of a training run.
  """
  folder = [x.partition('=')[2] for x in arguments if '--workdir=' in x]
  rows = pathlib.Path(folder[0]) / metrics_log.FILE if folder else None
  return command(['-m', 'art_jax.main', *arguments], log, minutes, rows, ENDED)


def command(
  arguments: Sequence[str],
  log: pathlib.Path,
  minutes: float = 0,
  rows: pathlib.Path | None = None,
  good: Sequence[int] = (0,),
  folder: pathlib.Path | None = None,
) -> str:
  """Run Python with these arguments; the time counts from the next of `rows`.

  See `art_jax`; `folder` is where it runs. Whoever asks this process to stop
  stops the command, and this process once that has ended.
  """
  log.parent.mkdir(parents=True, exist_ok=True)
  before, end = _size(rows), None
  with Stop() as stop, open(log, 'w') as file:
    process = subprocess.Popen(
      [sys.executable, *arguments],
      stdout=file,
      stderr=subprocess.STDOUT,
      cwd=folder,
      env={**os.environ, 'PYTHONPATH': str(_ROOT)} if folder else None,
    )
    while process.poll() is None:
      time.sleep(0.2)
      if end is None and (rows is None or _size(rows) != before):
        end = time.monotonic() + 60 * minutes
      late = minutes and end is not None and time.monotonic() > end
      if late or stop.asked:
        process.send_signal(signal.SIGTERM)
        process.wait()
  if stop.asked:
    print('stopped; the same command continues')
    sys.exit(STOPPED)
  text = log.read_text(errors='replace')
  require(process.returncode, good, text)
  return text


def require(code: int, good: Sequence[int], text: str) -> None:
  """Raise Failed with the last line of what was printed for another code."""
  if code not in good:
    raise Failed(text.strip().rpartition('\n')[2] or f'code {code}')


def of_children() -> float:
  """Return the processor seconds of all commands that have ended."""
  usage = resource.getrusage(resource.RUSAGE_CHILDREN)
  return usage.ru_utime + usage.ru_stime


def processor() -> str:
  """Return the processor of this machine in words."""
  info = pathlib.Path('/proc/cpuinfo')
  lines = info.read_text().splitlines() if info.exists() else []
  names = [x.partition(':')[2].strip() for x in lines if 'model name' in x]
  return names[0] if names else platform.machine()


def _size(path: pathlib.Path | None) -> int:
  return path.stat().st_size if path is not None and path.exists() else 0


def trained(folder: pathlib.Path) -> float:
  """Return the seconds of steps that a run has kept.

  Of a run that was killed, those after its newest checkpoint are lost.
  """
  file = folder / 'times.json'
  if not file.exists():
    return 0.0
  saved = checkpoint_folder.Folder(folder / 'checkpoints', writable=False)
  newest = max(saved.steps(), default=0)
  stretches = json.loads(file.read_text())
  here = {'began': 0.0, 'first': newest, 'last': newest}
  kept = goodput.account([*stretches, {**here, 'wall': 0.0, 'seconds': {}}])
  return kept['run_seconds/step'] + kept.get('run_seconds/input', 0.0)


def speed(folder: pathlib.Path) -> tuple[int, float]:
  """Return the steps of a run, and its steps a second without compiling."""
  stretches = json.loads((folder / 'times.json').read_text())
  steps = sum(stretch['last'] - stretch['first'] for stretch in stretches)
  seconds = sum(
    stretch['seconds'].get(part, 0.0)
    for stretch in stretches
    for part in ('step', 'input')
  )
  return stretches[-1]['last'], steps / seconds if seconds else 0.0
