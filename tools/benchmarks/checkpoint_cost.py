"""Measure what a checkpoint of a full-size experiment costs.

  python -m tools.benchmarks.checkpoint_cost --experiment=cyclegan [--saves=5]

Makes the state as a training has it (parameters, optimisers, pools) and fills
it with noise, because the zeros of step 0 would compress; saves it several
times and reads it back. Printed: size in memory, milliseconds for which `save`
holds the training loop, seconds until it is durable, bytes and files on disk,
seconds to restore. The disk cache is warm when it is read.
"""

import pathlib
import statistics
import tempfile
import time

import jax
import numpy as np
from absl import app, flags, logging

from art_jax.config import experiments, shapes
from art_jax.devices import mesh
from art_jax.runs import checkpoints as checkpoint_store

_EXPERIMENT = flags.DEFINE_string('experiment', 'cyclegan', 'Its name.')
_SAVES = flags.DEFINE_integer('saves', 5, 'Number of saves.', lower_bound=1)
_FOLDER = flags.DEFINE_string('folder', None, 'On which disk; default: /tmp.')


def _noise(abstract):
  """Return arrays of these shapes that do not compress."""
  rng = np.random.default_rng(0)

  def fill(leaf):
    if leaf.dtype == np.float32:
      return rng.standard_normal(leaf.shape, np.float32)
    return np.zeros(leaf.shape, leaf.dtype)

  return jax.tree.map(fill, abstract)


def main(argv: list[str]) -> None:
  """Print the costs, medians of all saves but the first."""
  del argv
  logging.set_verbosity(logging.ERROR)
  # Times do not change the shapes of the state: any number of examples does.
  experiment = experiments.resolve(
    experiments.load(_EXPERIMENT.value), num_examples=1
  )
  devices = mesh.make_devices(1)
  state = devices.replicate(_noise(shapes.state_shapes(experiment)))
  jax.block_until_ready(state)
  leaves = jax.tree.leaves(state)
  size = sum(leaf.nbytes for leaf in leaves)
  print(
    f'{_EXPERIMENT.value} at {experiment.data.size} px: {len(leaves)} arrays, '
    f'{size / 2**20:.0f} MiB on {devices.platform}'
  )
  blocked, durable = [], []
  with tempfile.TemporaryDirectory(dir=_FOLDER.value) as folder:
    path = pathlib.Path(folder) / 'checkpoints'
    with checkpoint_store.Checkpoints(path, keep_last=2) as checkpoints:
      for step in range(1, _SAVES.value + 1):
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
    files = [p for p in (path / str(step)).rglob('*') if p.is_file()]
    written = sum(p.stat().st_size for p in files)
    start = time.perf_counter()
    with checkpoint_store.Checkpoints(path, read_only=True) as checkpoints:
      restored = checkpoints.restore(shapes.state_shapes(experiment))
    read = time.perf_counter() - start
    jax.block_until_ready(devices.replicate(restored.state))
    placed = time.perf_counter() - start
  print(
    f'blocked {1e3 * statistics.median(blocked[1:] or blocked):.0f} ms, '
    f'durable after {statistics.median(durable[1:] or durable):.2f} s, '
    f'{written / 2**20:.0f} MiB in {len(files)} files, restored and verified '
    f'in {read:.2f} s, on the device after {placed:.2f} s'
  )


if __name__ == '__main__':
  app.run(main)
