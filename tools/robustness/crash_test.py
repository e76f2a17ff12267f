"""Kill trainings at random moments, start them again, compare every bit.

  python -m tools.robustness.crash_test --kills=5 [--experiment=NAME]

Pass A: a training of the tiny form is killed (kill -9) after a random number
of steps, `--kills` times, on one device count; the sha256 of its final state
must be that of a training that nobody killed. Pass B: each start is on
another number of faked devices (8, 2, 1, 8, ...); every state found on the
devices after a restore must have the bits that were saved, and every batch
the examples that belong to its step. One experiment per algorithm class.
"""

import collections
import itertools
import json
import pathlib
import random
import tempfile

from absl import app, flags, logging

from art_jax import core
from art_jax.config import experiments, shapes
from art_jax.data import order
from art_jax.runs import checkpoints as checkpoint_store
from tools.robustness import trainer_process

_KILLS = flags.DEFINE_integer('kills', 5, 'Kills per pass.', lower_bound=1)
_EXPERIMENT = flags.DEFINE_multi_string(
  'experiment', [], 'Default: one per algorithm class.'
)
_PASS = flags.DEFINE_enum('pass', 'both', ['A', 'B', 'both'], 'What to do.')
_SEED = flags.DEFINE_integer('seed', 0, 'Of the moments of the kills.')
_STEPS = 8  # on average between two kills
_DEVICES = (8, 2, 1)


def settings(kills: int) -> list[str]:
  """Return the fields changed: many checkpoints, little else."""
  duration = _STEPS * (kills + 1)
  changes = {
    **{'duration': duration, 'rescale': 'false', 'checkpoint_every': 3},
    **{'log_every': 1, 'render_every': duration},
  }
  changed = [f'train.{name}={value}' for name, value in changes.items()]
  return [*changed, 'data.source.count=12', 'data.engine=resident']


def crash(
  folder: pathlib.Path,
  experiment: str,
  changes: list[str],
  kills: int,
  devices: tuple[int, ...],
  rng: random.Random,
) -> int:
  """Train in `folder`/run with kills; return how many there were."""
  folder.mkdir()
  flag = [f'--set={change}' for change in changes]
  killed = 0
  for count in itertools.cycle(devices):
    child = trainer_process.start(
      *(folder / 'run', experiment, *flag),
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


def final_digest(folder: pathlib.Path, experiment: core.Experiment) -> str:
  """Return the sha256 of the last state of `folder`/run."""
  path = folder / 'run' / 'checkpoints'
  with checkpoint_store.Checkpoints(path, read_only=True) as checkpoints:
    state = checkpoints.restore(shapes.state_shapes(experiment)).state
  return trainer_process.digest(state)


def check_notes(
  folder: pathlib.Path, experiment: core.Experiment
) -> tuple[int, int]:
  """Raise unless bits and order are right; return (restores, batches)."""
  dataset = experiment.data.source.open(experiment.data)
  rows = experiment.train.batch_size * core.batches_per_step(
    experiment.algorithm
  )
  saved, counts = {}, collections.Counter()
  for line in (folder / 'notes.jsonl').read_text().splitlines():
    note = json.loads(line)
    what, step, sha256 = note['what'], note['step'], note['sha256']
    if what == 'saved':
      saved[step] = expected = sha256
    elif what == 'batch':
      positions = order.positions(step - 1, rows)
      expected = trainer_process.digest(
        tuple(
          order.indices(experiment.train.seed, group, positions, len(examples))
          for group, examples in enumerate(dataset.train)
        )
      )
    else:
      expected = saved.get(step, sha256)  # step 0 was never saved
    if sha256 != expected:
      raise AssertionError(f'{what} at step {step}: {sha256} != {expected}')
    counts[what] += step > 0
  return counts['restored'], counts['batch']


def one_per_class() -> list[str]:
  """Return the names of experiments, one for each class of algorithm."""
  names = {}
  for name in experiments.files():  # a demo has the smallest networks: it wins
    algorithm = experiments.load(name, tiny=True).algorithm
    if isinstance(algorithm, core.PaintsOnePicture):
      continue  # stylize has no run folder
    kind = type(algorithm).__name__
    if kind not in names or name.endswith('_demo'):
      names[kind] = name
  return sorted(names.values())


def run(name: str, kills: int, passes: str, rng: random.Random) -> list[str]:
  """Crash one experiment; return rows of the table."""
  rows, changes = [], settings(kills)
  experiment = experiments.override(experiments.load(name, tiny=True), changes)
  label = f'{pathlib.Path(name).stem:<17}'
  with tempfile.TemporaryDirectory(prefix='crash_test_') as temporary:
    folder = pathlib.Path(temporary)
    if passes != 'B':
      crash(folder / 'straight', name, changes, 0, (1,), rng)
      killed = crash(folder / 'a', name, changes, kills, (1,), rng)
      one, two = (
        final_digest(folder / x, experiment) for x in ('straight', 'a')
      )
      same = 'same final state' if one == two else 'DIFFERENT FINAL STATE'
      rows.append(f'{label} A {killed:>5}  {same}, sha256 {two[:16]}')
    if passes != 'A':
      killed = crash(folder / 'b', name, changes, kills, _DEVICES, rng)
      restores, batches = check_notes(folder / 'b', experiment)
      rows.append(
        f'{label} B {killed:>5}  {restores} restores bit-equal, '
        f'{batches} batches in order, devices {_DEVICES}'
      )
  return rows


def main(argv: list[str]) -> int:
  """Print a row per experiment and pass; 1 if a state differs."""
  del argv
  logging.set_verbosity(logging.ERROR)
  rng, failed = random.Random(_SEED.value), False
  print(f'{"experiment":<17} pass kills  result', flush=True)
  for name in _EXPERIMENT.value or one_per_class():
    for row in run(name, _KILLS.value, _PASS.value, rng):
      failed |= 'DIFFERENT' in row
      print(row, flush=True)
  return int(failed)


if __name__ == '__main__':
  app.run(main)
