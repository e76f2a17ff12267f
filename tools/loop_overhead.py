"""Measure what the training loop adds to the bare jitted step.

  python tools/loop_overhead.py --experiment=cyclegan_demo --steps=200

Alternates, in one process: the compiled step alone on batches that are ready,
and the whole loop (input, logging, progress), each for as many steps;
prints milliseconds per step of each pair and the median overhead. Pictures and
checkpoints are timed on their own and not counted.
"""

import itertools
import statistics
import tempfile
import time

import jax
import numpy as np
from absl import app, flags

from art_jax import config, loop, shapes, sharding
from art_jax.data import pipeline

_EXPERIMENT = flags.DEFINE_string('experiment', 'cyclegan_demo', 'Its name.')
_STEPS = flags.DEFINE_integer('steps', 200, 'Steps of one measurement.')
_PAIRS = flags.DEFINE_integer('pairs', 3, 'Number of measured pairs.')


def main(argv: list[str]) -> None:
  """Print one line per pair and the median."""
  del argv
  devices = sharding.make_devices(1)
  experiment = config.override(
    config.load(_EXPERIMENT.value), [f'train.duration={_STEPS.value}']
  )
  ratios = []
  for pair in range(_PAIRS.value):
    bare = _bare(experiment, devices)
    with tempfile.TemporaryDirectory() as workdir:
      summary = loop.train(experiment, workdir, devices=devices)
    whole = 1 / summary['steps_per_second']
    ratios.append(whole / bare - 1)
    print(
      f'pair {pair + 1}: bare step {1e3 * bare:.2f} ms, in the loop '
      f'{1e3 * whole:.2f} ms, waiting for input '
      f'{100 * summary["input_share"]:.2f} %, overhead '
      f'{100 * ratios[-1]:+.2f} %'
    )
  print(f'median overhead {100 * statistics.median(ratios):+.2f} %')


def _bare(experiment, devices) -> float:
  """Return seconds per step of the compiled step alone."""
  data = experiment.data
  dataset = data.source.open(data)
  resolved = config.resolve(experiment, dataset.num_examples)
  engine = pipeline.open_engine(
    dataset,
    data,
    rows_per_step=experiment.train.batch_size,
    seed=0,
    placer=devices,
  )
  step = devices.compile_step(loop.training_step(resolved.algorithm, engine))
  key = devices.replicate(jax.random.key(0))
  state = devices.compile_init(shapes.initializer(resolved))(key)
  # The pictures change as they do in the loop; the host only steps on.
  batches = list(itertools.islice(engine.inputs(0), _STEPS.value))
  for index, batch in enumerate(batches):
    state, metrics = step(state, engine.constants, batch, key, np.int32(index))
    jax.block_until_ready(metrics)
    if index == 0:  # It compiled.
      began = time.perf_counter()
  return (time.perf_counter() - began) / (_STEPS.value - 1)


if __name__ == '__main__':
  app.run(main)
