"""The peer's process, and the environment that PyTorch is installed in."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import Any

from art_jax import core
from art_jax.core.paths import home

_ROOT = pathlib.Path(__file__).resolve().parents[3]
_WORKER = ('-m', 'tools.benchmarks.peers.worker')


class Peer:
  """A PyTorch process that takes steps on demand.

  Attributes:
    ready: its answer after its first step: networks, torch, flops.
    waiting: most of a CPU that it used while it waited.
  """

  def __init__(self, python: str, plan: dict[str, Any]):
    """Start it and wait for its first step.

    Raises:
      RuntimeError: it ended; with the last line that it wrote.
    """
    self.waiting = 0.0
    # Not a pipe: nobody reads it while the peer works.
    self._errors = tempfile.TemporaryFile('w+')
    self._process = subprocess.Popen(
      [python, *_WORKER, json.dumps(plan)],
      cwd=_ROOT,
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      stderr=self._errors,
      text=True,
    )
    self.ready = self._answer()

  def take(self, count: int) -> list[float]:
    """Take steps; return the seconds of each."""
    print(count, file=self._process.stdin, flush=True)
    answer = self._answer()
    self.waiting = max(self.waiting, answer['waiting'])
    return answer['seconds']

  def close(self) -> None:
    """End the process."""
    self._process.kill()
    self._process.communicate()
    self._errors.close()

  def _answer(self) -> dict[str, Any]:
    line = self._process.stdout.readline()
    if line:
      return json.loads(line)
    self._process.communicate()
    self._errors.seek(0)
    text = self._errors.read().strip().rpartition('\n')[2]
    raise RuntimeError(text or 'it ended, no message')


def interpreter(given: str | None) -> str:
  """Return a Python that has PyTorch: the one given, or our own.

  Our own is made once, in the user's cache folder; PyTorch is never installed
  beside art_jax.

  Raises:
    core.UserError: there is none, and none can be made.
  """
  if given:
    core.require(
      _has_torch(given),
      f'--python={given}: it cannot import torch; pass a Python that can, or '
      'leave --python out to have one made',
    )
    return given
  folder = home() / 'peers'
  python = str(folder / 'bin' / 'python')
  if _has_torch(python):
    return python
  print(f'Installing PyTorch into {folder}, once', file=sys.stderr)
  for command in (
    [sys.executable, '-m', 'venv', '--clear', str(folder)],
    [python, '-m', 'pip', 'install', '--quiet', 'torch', 'numpy'],
  ):
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    reason = done.stderr.strip().rpartition('\n')[2]
    core.require(
      not done.returncode,
      f'PyTorch could not be installed into {folder} ({reason}); connect to '
      'the network, or pass --python=PATH of a Python that has it',
    )
  return python


def _has_torch(python: str) -> bool:
  words = [python, '-c', 'import torch']
  return bool(
    shutil.which(python)
    and subprocess.run(words, capture_output=True).returncode == 0
  )
