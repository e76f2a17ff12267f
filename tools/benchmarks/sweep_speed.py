"""Eight small GANs: eight runs, or one program; how far apart, how long each.

  python -m tools.benchmarks.sweep_speed --steps=20 --width=8

Two learning rates by four seeds of `dcgan_paintings` at 32 px under plain SGD,
so that rounding does not grow. Trained by a run each, then by one program as
`art_jax sweep` does it ('turns' and 'vmap'); compared is every number of the
last state: |a - b| / (1 + |b|).
"""

import functools
import pathlib

import jax
import numpy as np

from art_jax import core
from art_jax.config import experiments
from art_jax.devices import mesh
from art_jax.runs import restore
from art_jax.sweep import together
from art_jax.training import loop
from tools import command
from tools.benchmarks import timing

_RATE = 'algorithm.generator_optimizer.learning_rate'


def main(
  *,
  steps: command.Count = 20,
  width: command.Count = 8,
  batch: command.Count = 16,
  ways: tuple[str, ...] = ('turns', 'vmap'),
) -> None:
  """Train all, compare, print.

  Args:
    steps: updates of each.
    width: of the networks.
    batch: pictures of one update.
    ways: of one program.
  """
  cells = {
    f'{rate}_{seed}': experiment(rate, seed, steps, width, batch)
    for rate in (1e-3, 4e-3)
    for seed in range(4)
  }
  devices = mesh.make_devices()
  print(
    f'{steps} steps of {batch}, width {width}, '
    f'{devices.count} x {jax.devices()[0].device_kind}'
  )
  with command.folder() as folder:
    seconds = sum(
      timing.seconds(
        functools.partial(
          loop.train, cell, folder / 'single' / name, devices=devices
        )
      )
      for name, cell in cells.items()
    )
    print(f'{len(cells)} runs: {seconds:.1f} s')
    for way in ways:
      jax.clear_caches()
      one_program = functools.partial(
        together.train,
        list(cells),
        list(cells.values()),
        [folder / way / name for name in cells],
        [_RATE],
        devices=devices,
        way=way,
      )
      seconds = timing.seconds(one_program)
      apart = max(
        difference(folder / 'single' / n, folder / way / n) for n in cells
      )
      print(f'one program, {way}: {seconds:.1f} s, apart by {apart:.1e}')


def experiment(
  rate: float, seed: int, steps: int, width: int, batch: int
) -> core.Experiment:
  """Return one of the GANs."""
  return experiments.override(
    experiments.load('dcgan_paintings', tiny=True),
    [
      f'algorithm.generator_optimizer=SGD(learning_rate={rate})',
      'algorithm.discriminator_optimizer=SGD(learning_rate=0.001)',
      f'algorithm.generator.width={width}',
      f'algorithm.discriminator.width={width}',
      f'train.duration={steps}',
      f'train.batch_size={batch}',
      f'train.checkpoint_every={steps}',
      f'train.render_every={steps}',
      'train.on_alarm=off',
      'train.best_metric=none',
      f'train.seed={seed}',
    ],
  )


def difference(a: pathlib.Path, b: pathlib.Path) -> float:
  """Return the largest relative difference of the states of two runs."""
  states = (
    map(np.asarray, jax.tree.leaves(restore.load_state(f))) for f in (a, b)
  )
  return max(
    float(np.max(np.abs(x - y) / (1 + np.abs(y)), initial=0.0))
    for x, y in zip(*states, strict=True)
  )


if __name__ == '__main__':
  command.run(main)
