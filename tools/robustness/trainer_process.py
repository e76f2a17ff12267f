"""Training in a process of its own, for tools that kill it.

Run as a script it trains like the command line and notes what the process
itself sees: every state that it saves or restores, every batch that it takes.

  python -m tools.robustness.trainer_process NOTES --experiment=... \
    --workdir=...
"""

import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import time
from collections.abc import Sequence

import jax
import numpy as np

from art_jax import core
from art_jax.config import experiments, shapes
from art_jax.runs import checkpoints

_ROOT = pathlib.Path(__file__).resolve().parents[2]
# Compiling is most of the time of these runs; the networks are tiny.
_QUICK = (
  '--xla_backend_optimization_level=0',
  '--xla_llvm_disable_expensive_passes=true',
)


def settings(**train: int) -> list[str]:
  """Return the flags that set fields of `train`, the schedules unscaled."""
  return [
    f'--set=train.{name}={value}'
    for name, value in {**train, 'rescale': 'false'}.items()
  ]


def experiment(name: str, flags: Sequence[str]) -> core.Experiment:
  """Return the experiment that a process with these --set flags trains."""
  return experiments.override(
    experiments.load(name, tiny=True),
    [flag.removeprefix('--set=') for flag in flags],
  )


def last(run: pathlib.Path, trained: core.Experiment) -> checkpoints.Restored:
  """Return the last checkpoint of a run folder."""
  with checkpoints.Checkpoints(run / 'checkpoints', read_only=True) as opened:
    return opened.restore(shapes.state_shapes(trained))


def start(
  workdir: pathlib.Path,
  name: str,
  *flags: str,
  devices: int = 1,
  notes: pathlib.Path | None = None,
  home: pathlib.Path | None = None,
) -> subprocess.Popen:
  """Start a tiny training run on faked CPU devices; its stderr is a pipe."""
  noted = ['tools.robustness.trainer_process', str(notes)]
  home = home or workdir.parent / 'home'  # holds the compilation cache too
  return subprocess.Popen(
    [
      sys.executable,
      '-m',
      *(noted if notes else ['art_jax.main']),
      f'--experiment={name}',
      '--tiny',
      f'--workdir={workdir}',
      f'--devices={devices}',
      *flags,
    ],
    cwd=_ROOT,
    env={
      **os.environ,
      'ART_JAX_HOME': str(home),
      'JAX_COMPILATION_CACHE_DIR': str(home / 'compiled'),
      'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0',
      'JAX_PLATFORMS': 'cpu',
      'TF_CPP_MIN_LOG_LEVEL': '3',
      # The last of two values counts.
      'XLA_FLAGS': ' '.join(
        (
          os.environ.get('XLA_FLAGS', ''),
          *_QUICK,
          f'--xla_force_host_platform_device_count={devices}',
        )
      ).strip(),
    },
    stdout=subprocess.DEVNULL,
    stderr=subprocess.PIPE,
    text=True,
  )


def wait_for_lines(process: subprocess.Popen, count: int) -> bool:
  """Read until `count` steps were shown; False if the process ended first."""
  for line in process.stderr or ():
    count -= line.startswith('step ')
    if count <= 0:
      return True
  return False


def kill(process: subprocess.Popen, steps: int, rng: random.Random) -> bool:
  """Kill -9 after 0 to `steps` shown steps; False if it ended before."""
  steps = rng.randint(0, steps)
  if not steps:
    time.sleep(rng.uniform(0, 5))  # while it starts
  elif wait_for_lines(process, steps):
    time.sleep(rng.uniform(0, 0.2))
  process.kill()
  return process.wait() == -9


def digest(tree) -> str:
  """Return the sha256 of the paths, types and bits of a pytree."""
  total = hashlib.sha256()
  for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
      leaf = jax.random.key_data(leaf)
    value = np.asarray(leaf)
    name = f'{jax.tree_util.keystr(path)} {value.dtype} {value.shape}'
    total.update(name.encode() + value.tobytes())
  return total.hexdigest()


def _note(notes: str, **what) -> None:
  with open(notes, 'a') as file:  # one write: a kill leaves a row or none
    file.write(json.dumps(what) + '\n')


def _watch(notes: str) -> None:
  """Make the loop of this process write down what it does."""
  from art_jax.data import pipeline
  from art_jax.training import start as training

  save, begin = checkpoints.Checkpoints.save, training.first_state
  open_engine = pipeline.open_engine

  def noted_save(self, step, state, host, **kept):
    _note(notes, what='saved', step=step, sha256=digest(state))
    save(self, step, state, host, **kept)

  def noted_start(*args):
    state, step = begin(*args)  # the arrays that lie on the devices
    _note(
      notes,
      what='restored',
      step=step,
      sha256=digest(state),
      devices=jax.device_count(),
    )
    return state, step

  def noted_engine(*args, **kwargs):
    engine = open_engine(*args, **kwargs)
    inputs = type(engine).inputs

    def noted_inputs(self, first):
      for step, batch in enumerate(inputs(self, first), first + 1):
        _note(notes, what='batch', step=step, sha256=digest(batch['index']))
        yield batch

    type(engine).inputs = noted_inputs
    return engine

  checkpoints.Checkpoints.save = noted_save
  training.first_state, pipeline.open_engine = noted_start, noted_engine


if __name__ == '__main__':
  _watch(sys.argv.pop(1))
  from art_jax import main

  main.cli()
