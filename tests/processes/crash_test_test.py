"""The short form of tools.robustness.crash_test: kill, start again, compare."""

import pathlib
import subprocess
import sys

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.process
def test_killed_runs_lose_no_bit():
  # The toy: a CycleGAN would compile for a minute. loop_test.py stops one.
  result = subprocess.run(
    [
      sys.executable,
      '-m',
      'tools.robustness.crash_test',
      '--kills=2',
      '--experiment=tests/toy.py',
    ],
    cwd=_ROOT,
    capture_output=True,
    text=True,
    timeout=480,
  )
  assert result.returncode == 0, result.stderr[-3000:]
  _, one, other = result.stdout.splitlines()
  assert 'same final state' in one
  assert 'restores bit-equal' in other and ' 0 restores' not in other
