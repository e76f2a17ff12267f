"""Eight small GANs: eight runs, or one program; how far apart, how long each.

  python -m tools.benchmarks.sweep_speed --steps=20 --width=8

Two learning rates by four seeds of `dcgan_paintings` at 32 px under plain SGD,
so that rounding does not grow. Trained by a run each, then by one program as
`--mode=sweep` does it ('turns' and 'vmap'); compared is every number of the
last state: |a - b| / (1 + |b|).
"""

import argparse
import dataclasses
import pathlib
import tempfile
import time

import jax
import numpy as np

from art_jax import core
from art_jax.algorithms import optim
from art_jax.config import experiments
from art_jax.devices import mesh
from art_jax.runs import restore
from art_jax.sweep import together
from art_jax.training import loop

_RATE = 'algorithm.generator_optimizer.learning_rate'


def main() -> None:
  """Run the command line."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--steps', type=int, default=20)
  parser.add_argument('--width', type=int, default=8)
  parser.add_argument('--batch', type=int, default=16)
  parser.add_argument('--ways', default='turns,vmap')
  flags = parser.parse_args()
  cells = {
    f'{rate}_{seed}': experiment(rate, seed, flags)
    for rate in (1e-3, 4e-3)
    for seed in range(4)
  }
  devices = mesh.make_devices()
  with tempfile.TemporaryDirectory() as folder:
    single = pathlib.Path(folder) / 'single'
    start = time.perf_counter()
    for name, cell in cells.items():
      loop.train(cell, single / name, devices=devices)
    told = [f'{len(cells)} runs: {time.perf_counter() - start:.1f} s']
    for way in flags.ways.split(','):
      jax.clear_caches()
      whole = pathlib.Path(folder) / way
      start = time.perf_counter()
      together.train(
        list(cells),
        list(cells.values()),
        [whole / name for name in cells],
        [_RATE],
        devices=devices,
        way=way,
      )
      seconds = time.perf_counter() - start
      apart = max(difference(single / n, whole / n) for n in cells)
      told.append(f'one program, {way}: {seconds:.1f} s, apart by {apart:.1e}')
  print(
    f'{flags.steps} steps of {flags.batch}, width {flags.width}, '
    f'{devices.count} x {jax.devices()[0].device_kind}'
  )
  print('\n'.join(told))


def experiment(rate: float, seed: int, flags) -> core.Experiment:
  """Return one of the GANs."""
  found = experiments.load('dcgan_paintings', tiny=True)
  sgd = optim.SGD(learning_rate=1e-3)
  algorithm = dataclasses.replace(
    found.algorithm, generator_optimizer=sgd, discriminator_optimizer=sgd
  )
  return experiments.override(
    dataclasses.replace(found, algorithm=algorithm),
    [
      f'algorithm.generator.width={flags.width}',
      f'algorithm.discriminator.width={flags.width}',
      f'train.duration={flags.steps}',
      f'train.batch_size={flags.batch}',
      f'train.checkpoint_every={flags.steps}',
      f'train.render_every={flags.steps}',
      *('train.on_alarm=off', 'train.best_metric=none'),
      *(f'{_RATE}={rate}', f'train.seed={seed}'),
    ],
  )


def difference(a: pathlib.Path, b: pathlib.Path) -> float:
  """Return the largest relative difference of the states of two runs."""
  states = [jax.tree.leaves(restore.load_state(folder)) for folder in (a, b)]
  return max(
    float(np.max(np.abs(x - y) / (1 + np.abs(y)), initial=0.0))
    for x, y in zip(*map(lambda s: map(np.asarray, s), states), strict=True)
  )


if __name__ == '__main__':
  main()
