"""Kills training runs at random moments, continues them, compares every bit.

  python -m tools.robustness.crash_test --kills=5 [--experiment=NAME]

Pass A: a run of the tiny form is killed (kill -9) after a random number of
steps, `--kills` times, on one device count; the sha256 of its final state must
be that of a run that nobody killed. Pass B: each start is on another number of
faked devices (8, 2, 1, 8, ...); every state on the devices after a restore must
have the bits that were saved, and every batch the examples that belong to its
step. One experiment per algorithm class.
"""

import collections
import itertools
import json
import pathlib
import random
from collections.abc import Iterator, Sequence
from typing import Literal

from art_jax import core
from art_jax.config import experiment_files, experiments
from art_jax.data import order
from tools import command
from tools.robustness import trainer_process

_STEPS = 8  # on average between two kills
_DEVICES = (8, 2, 1)


def crash(
  folder: pathlib.Path,
  experiment: str,
  kills: int,
  total: int,
  devices: tuple[int, ...],
  rng: random.Random,
) -> int:
  """Train in `folder`/run with kills; return how many there were.

  Args:
    folder: to make.
    experiment: its name.
    kills: of this run, at most.
    total: kills that the length of the run is for.
    devices: numbers of them, in turn.
    rng: of the moments.
  """
  folder.mkdir()
  killed = 0
  for count in itertools.cycle(devices):
    child = trainer_process.start(
      folder / 'run',
      experiment,
      *settings(total),
      devices=count,
      notes=folder / 'notes.jsonl' if len(devices) > 1 else None,
    )
    if killed < kills and trainer_process.kill(child, 2 * _STEPS - 4, rng):
      killed += 1
    errors = child.communicate()[1]
    if child.returncode == 0:
      return killed
    if child.returncode != -9:
      raise RuntimeError(
        f'the trainer failed ({child.returncode}): {errors[-3000:]}'
      )


def settings(kills: int) -> list[str]:
  """Return the flags of a run: many checkpoints, little else."""
  duration = _STEPS * (kills + 1)
  return [
    *trainer_process.settings(
      duration=duration, checkpoint_every=3, log_every=1, render_every=duration
    ),
    '--set=data.source.count=12',
    '--set=data.engine=resident',
  ]


def require_notes(
  folder: pathlib.Path, experiment: core.Experiment
) -> tuple[int, int]:
  """Raise unless bits and order are right; return (restores, batches)."""
  dataset = experiment.data.source.open(experiment.data)
  rows = experiment.train.batch_size * core.batches_per_step(
    experiment.algorithm
  )
  saved, counts = {}, collections.Counter()
  for line in (folder / 'notes.jsonl').read_text().splitlines():
    what, step, sha256 = map(json.loads(line).get, ('what', 'step', 'sha256'))
    if what == 'saved':
      saved[step] = sha256
    expected = saved.get(step, sha256)  # step 0 was never saved
    if what == 'batch':
      positions, seed = order.positions(step - 1, rows), experiment.train.seed
      expected = trainer_process.digest(
        tuple(
          order.indices(seed, group, positions, len(examples))
          for group, examples in enumerate(dataset.train)
        )
      )
    if sha256 != expected:
      raise AssertionError(f'{what} at step {step}: {sha256} != {expected}')
    counts[what] += step > 0
  return counts['restored'], counts['batch']


def one_per_class() -> list[str]:
  """Return the names of experiments, one for each class of algorithm."""
  names = {}
  # a demo has the smallest networks: it wins
  for name in experiment_files.files():
    kind = type(experiments.load(name, tiny=True).algorithm)
    if kind not in names or name.endswith('_demo'):
      names[kind] = name
  return sorted(
    name
    for kind, name in names.items()
    if not issubclass(kind, core.PaintsOnePicture)  # it has no run folder
  )


def rows(
  name: str, kills: int, passes: str, rng: random.Random
) -> Iterator[str]:
  """Crash one experiment; yield rows of the table."""
  label = f'{pathlib.Path(name).stem:<17}'
  experiment = trainer_process.experiment(name, settings(kills))
  with command.folder('crash_test_') as folder:
    if passes != 'B':
      crash(folder / 'straight', name, 0, kills, (1,), rng)
      killed = crash(folder / 'a', name, kills, kills, (1,), rng)
      one, two = (
        trainer_process.digest(
          trainer_process.last(folder / path / 'run', experiment).state
        )
        for path in ('straight', 'a')
      )
      same = 'same final state' if one == two else 'DIFFERENT FINAL STATE'
      yield f'{label} A {killed:>5}  {same}, sha256 {two[:16]}'
    if passes != 'A':
      killed = crash(folder / 'b', name, kills, kills, _DEVICES, rng)
      restores, batches = require_notes(folder / 'b', experiment)
      yield (
        f'{label} B {killed:>5}  {restores} restores bit-equal, '
        f'{batches} batches in order, devices {_DEVICES}'
      )


def main(
  *,
  kills: command.Count = 5,
  experiment: Sequence[str] = (),
  pass_: Literal['A', 'B', 'both'] = 'both',
  seed: int = 0,
) -> int:
  """Print a row per experiment and pass; return 1 if a state differs.

  Args:
    kills: per pass.
    experiment: default: one per algorithm class.
    pass_: what to do.
    seed: of the moments of the kills.
  """
  rng, failed = random.Random(seed), False
  print(f'{"experiment":<17} pass kills  result', flush=True)
  for name in experiment or one_per_class():
    for row in rows(name, kills, pass_, rng):
      failed |= 'DIFFERENT' in row
      print(row, flush=True)
  return int(failed)


if __name__ == '__main__':
  command.run(main, quiet=True)
