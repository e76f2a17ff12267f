"""Runs the command line for a limited time; what tools with pages share."""

import json
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from art_jax import run

_ENDED = (
  0,
  3,
  75,
)  # done, an alarm, stopped on request: all leave a checkpoint


class Failed(Exception):
  """A command failed; its last line says why."""


def art_jax(arguments: Sequence[str], log: pathlib.Path, minutes: float) -> str:
  """Run `python -m art_jax.main`; after the time it is asked to stop.

  Training saves a checkpoint then.

  Args:
    arguments: of the command line.
    log: file that gets all it prints; its folder is made.
    minutes: that it may take; 0: no limit.

  Returns:
    What it printed.

  Raises:
    Failed: it ended with another code than these of a training.
  """
  return command(['-m', 'art_jax.main', *arguments], log, minutes, _ENDED)


def command(
  arguments: Sequence[str],
  log: pathlib.Path,
  minutes: float = 0,
  good: Sequence[int] = (0,),
) -> str:
  """Run Python with these arguments; see `art_jax`."""
  log.parent.mkdir(parents=True, exist_ok=True)
  with open(log, 'w') as file:
    process = subprocess.Popen(
      [sys.executable, *arguments], stdout=file, stderr=subprocess.STDOUT
    )
    try:
      process.wait(timeout=60 * minutes or None)
    except subprocess.TimeoutExpired:
      process.send_signal(signal.SIGTERM)
      process.wait()
  text = log.read_text(errors='replace')
  if process.returncode not in good:
    lines = [line for line in text.splitlines() if line.strip()]
    raise Failed(lines[-1] if lines else f'code {process.returncode}')
  return text


def speed(folder: pathlib.Path) -> tuple[int, float]:
  """Return the steps of a run, and its steps a second without compiling."""
  stretches = json.loads((folder / 'times.json').read_text())
  steps = sum(one['last'] - one['first'] for one in stretches)
  seconds = sum(
    one['seconds'].get('step', 0.0) + one['seconds'].get('input', 0.0)
    for one in stretches
  )
  return stretches[-1]['last'], steps / seconds if seconds else 0.0


def sampling_speed(model: run.Run, count: int) -> float:
  """Return samples a second, compiled before."""
  model.sample(min(count, 64))
  start = time.perf_counter()
  model.sample(count)
  return count / (time.perf_counter() - start)
