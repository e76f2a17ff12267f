"""Measures what a checkpoint of a full-size experiment costs.

  python -m tools.benchmarks.checkpoint_cost --experiment=cyclegan [--saves=5]

Makes the state of a training run (parameters, optimizers, pools) and fills it
with noise, because the zeros of step 0 would compress; saves it several times
and reads it back. Printed: size in memory, milliseconds for which `save` holds
the training loop, seconds until it is durable, bytes and files on disk, seconds
to restore. The disk cache is warm when it is read.
"""

import pathlib
import statistics
import tempfile
import time

import jax
import numpy as np

from art_jax.config import experiments, shapes
from art_jax.devices import mesh
from art_jax.runs import checkpoints as checkpoint_store
from tools import command


def _noise(abstract):
  """Return arrays of these shapes that do not compress."""
  rng = np.random.default_rng(0)
  return jax.tree.map(
    lambda leaf: (
      rng.standard_normal(leaf.shape, np.float32)
      if leaf.dtype == np.float32
      else np.zeros(leaf.shape, leaf.dtype)
    ),
    abstract,
  )


def main(
  *,
  experiment: str = 'cyclegan',
  saves: command.Count = 5,
  folder: str | None = None,
) -> None:
  """Print the costs, medians of all saves but the first.

  Args:
    experiment: its name.
    saves: number of saves.
    folder: on which disk; default: /tmp.
  """
  # Times do not change the shapes of the state: any number of examples does.
  chosen = experiments.resolve(experiments.load(experiment), num_examples=1)
  devices = mesh.make_devices(1)
  shape = shapes.state_shapes(chosen)
  state = jax.block_until_ready(devices.replicate(_noise(shape)))
  leaves = jax.tree.leaves(state)
  print(
    f'{experiment} at {chosen.data.size} px: {len(leaves)} arrays, '
    f'{sum(leaf.nbytes for leaf in leaves) / 2**20:.0f} MiB on '
    f'{devices.platform}'
  )
  blocked, durable = [], []
  with tempfile.TemporaryDirectory(dir=folder) as temporary:
    path = pathlib.Path(temporary) / 'checkpoints'
    with checkpoint_store.Checkpoints(path, keep_last=2) as checkpoints:
      for step in range(1, saves + 1):
        start = time.perf_counter()
        checkpoints.save(step, state, {})
        blocked.append(checkpoints.last_blocked_seconds)
        checkpoints.wait()
        durable.append(time.perf_counter() - start)
        print(
          f'save {step}: blocked {1e3 * blocked[-1]:.0f} ms, durable after '
          f'{durable[-1]:.2f} s',
          flush=True,
        )
    sizes = [
      p.stat().st_size for p in (path / f'{saves}').rglob('*') if p.is_file()
    ]
    start = time.perf_counter()
    with checkpoint_store.Checkpoints(path, read_only=True) as checkpoints:
      restored = checkpoints.restore(shape)
    read = time.perf_counter() - start
    jax.block_until_ready(devices.replicate(restored.state))
    placed = time.perf_counter() - start
  print(
    f'blocked {1e3 * statistics.median(blocked[1:] or blocked):.0f} ms, '
    f'durable after {statistics.median(durable[1:] or durable):.2f} s, '
    f'{sum(sizes) / 2**20:.0f} MiB in {len(sizes)} files, restored and '
    f'verified in {read:.2f} s, on the device after {placed:.2f} s'
  )


if __name__ == '__main__':
  command.run(main, quiet=True)
