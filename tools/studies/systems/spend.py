"""Runs a command for so many seconds of a core, not of the clock.

What else the machine does then takes nothing away. Training is asked to stop
when the seconds are spent: it saves a checkpoint and the same command goes on.
"""

import dataclasses
import pathlib
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import psutil

from art_jax.cli.terminal import STOPPED
from tools.studies import timed_run
from tools.studies.timed_run import Stop

_POLL = 0.5  # seconds
_STEPS = re.compile(r'after step (\d+) of (\d+)')


@dataclasses.dataclass(frozen=True)
class Outcome:
  """What became of a command.

  Attributes:
    text: what it printed.
    seconds: of the processor.
    stopped: it was asked to stop.
    step: 'step 120 of 1,000' of a training that was stopped.
  """

  text: str
  seconds: float
  stopped: bool
  step: str = ''


class Account:
  """Books the seconds of one command, also of one that is killed."""

  def __init__(self, state: Any, trains: bool, save: Callable[[], None]):
    self._state, self._name = state, 'training' if trains else 'measuring'
    self._before, self._save = getattr(state, self._name), save

  def note(self, seconds: float) -> None:
    """Set the seconds of the command so far."""
    setattr(self._state, self._name, self._before + seconds)
    self._save()


def run(
  arguments: Sequence[str],
  log: pathlib.Path,
  limit: float,
  stop: Stop,
  note: Callable[[float], None] = lambda seconds: None,
) -> Outcome:
  """Run Python with these arguments until it ends or the limit is spent.

  Args:
    arguments: of Python.
    log: file that gets all it prints; its folder is made.
    limit: seconds of the processor, of it and its children.
    stop: if it is asked for, the command is asked to stop as well.
    note: is told the seconds so far, every ten or so.

  Raises:
    Failed: it ended with another code than those of a training run.
  """
  log.parent.mkdir(parents=True, exist_ok=True)
  before, noted, asked = timed_run.of_children(), 0.0, False
  with open(log, 'w') as file:
    process = subprocess.Popen(
      [sys.executable, *arguments], stdout=file, stderr=subprocess.STDOUT
    )
    while True:
      try:
        process.wait(_POLL)
        break
      except subprocess.TimeoutExpired:
        seconds = used(process.pid)
      if seconds > noted + 10:
        note(noted := seconds)
      if not asked and (stop.asked or seconds > limit):
        asked = True
        process.send_signal(signal.SIGTERM)
  seconds = timed_run.of_children() - before
  text = log.read_text(errors='replace')
  code = process.returncode
  stopped = code == STOPPED or (asked and code != 0)
  if not asked:
    timed_run.require(code, timed_run.ENDED, text)
  steps = _STEPS.findall(text)
  step = f'step {int(steps[-1][0]):,} of {int(steps[-1][1]):,}' if steps else ''
  return Outcome(text, seconds, stopped, step)


def used(pid: int) -> float:
  """Return the processor seconds of a process and its children so far."""
  total = 0.0
  try:
    process = psutil.Process(pid)
    for one in (process, *process.children(recursive=True)):
      times = one.cpu_times()
      total += times.user + times.system
  except psutil.Error:
    pass  # it has just ended
  return total
