"""How long a start takes: from the process to the end of its first step."""

import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from art_jax import core

_IMPORTED = time.time()


def process_age() -> float:
  """Return the seconds since this process was started."""
  try:
    fields = (
      pathlib.Path('/proc/self/stat').read_text('utf-8').rpartition(')')[2]
    )
    uptime = float(pathlib.Path('/proc/uptime').read_text('utf-8').split()[0])
  except OSError:  # Not Linux: without the time until this file was read.
    return time.time() - _IMPORTED
  return uptime - int(fields.split()[19]) / os.sysconf('SC_CLK_TCK')


def cold_and_warm(arguments: Sequence[str]) -> dict[str, float]:
  """Start the command line twice, without and with compiled programs.

  Args:
    arguments: of art_jax.main; with them it prints the seconds to its first
      step as the last line.

  Returns:
    cold and warm: seconds from the start of the process.

  Raises:
    core.UserError: with the last line of its output, if it failed.
  """
  with tempfile.TemporaryDirectory() as cache:
    return {name: _start(arguments, cache) for name in ('cold', 'warm')}


def _start(arguments: Sequence[str], cache: str) -> float:
  done = subprocess.run(
    [sys.executable, '-m', 'art_jax.main', *arguments],
    env={
      **os.environ,
      'JAX_COMPILATION_CACHE_DIR': cache,
      'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0',
    },
    capture_output=True,
    text=True,
    check=False,
  )
  if done.returncode:
    lines = done.stderr.strip().splitlines() or ['(nothing)']
    raise core.UserError(lines[-1].removeprefix('art_jax: '))
  return float(done.stdout.split()[-1])
