"""One step of each algorithm on an accelerator against the CPU's."""

import concurrent.futures
import dataclasses
import os
import time
from typing import Any, Protocol

import jax
import numpy as np

from art_jax import core
from art_jax.algorithms import optim
from art_jax.config import experiment_files, experiments, shapes
from art_jax.devices import mesh
from art_jax.training import loop

# Of how far a step moves the state: rounding in another order, and in bfloat16
# (tests/contract/contract_test.py measures 0.04 to 0.24 on a CPU).
BOUNDS = {'float32': 1e-4, 'bfloat16': 0.35}


class Report(Protocol):
  """What takes the results."""

  def add(self, name: str, item: dict[str, Any]) -> None:
    """Add one."""

  def leave_out(self, name: str, reason: str) -> None:
    """Say what is missing."""


class _Fixed:
  """An engine whose batch is what it is given."""

  constants = ()

  def prepare(self, constants, inputs):
    return inputs


def one_per_algorithm() -> list[str]:
  """Return the name of an experiment of every class of algorithm."""
  chosen = {}
  for name in sorted(experiment_files.files()):
    algorithm = experiments.load(name, tiny=True).algorithm
    chosen.setdefault(type(algorithm), name)
  return sorted(chosen.values())


def compare_all(names: list[str], report: Report) -> None:
  """Compare the tiny forms of experiments, several at a time."""
  workers = max(min((os.cpu_count() or 1) // 2, 8), 1)
  with concurrent.futures.ThreadPoolExecutor(workers) as pool:
    running = {pool.submit(compare, name): name for name in names}
    for done in concurrent.futures.as_completed(running):
      try:
        report.add(running[done], done.result())
      except Exception as error:  # the others go on
        report.leave_out(running[done], f'{type(error).__name__}: {error}')


def compare(name: str) -> dict[str, Any]:
  """Return how far a step on the first device is from the CPU's.

  Args:
    name: of an experiment; its tiny form is taken.

  Returns:
    'float32' and 'bfloat16': the norm of the difference over that of what the
    step changed, over the whole state; and whether both are within BOUNDS.
  """
  began = time.monotonic()
  experiment = experiments.resolve(
    _gentle(experiments.load(name, tiny=True)), num_examples=32
  )
  card, host = jax.devices()[0], jax.devices('cpu')[0]
  init = mesh.of_devices([host]).compile_init(shapes.initializer(experiment))
  start = jax.device_get(init(jax.random.key(0)))
  right = _step(experiment, 'float32', host, start)
  result: dict[str, Any] = {'device': card.device_kind}
  for dtype in BOUNDS:
    other = _step(experiment, dtype, card, start)
    result[dtype] = distance(other, right, start)
  within = all(result[dtype] <= bound for dtype, bound in BOUNDS.items())
  return {**result, 'within': within, 'seconds': time.monotonic() - began}


def distance(one: core.PyTree, other: core.PyTree, start: core.PyTree) -> float:
  """Return |one - other| / |other - start| over all floats of a state."""
  off, moved = 0.0, 0.0
  for x, y, z in zip(*map(jax.tree.leaves, (one, other, start)), strict=True):
    if np.issubdtype(getattr(y, 'dtype', None), np.floating):
      x, y, z = (np.asarray(v, np.float64) for v in (x, y, z))
      off += np.sum((x - y) ** 2)
      moved += np.sum((y - z) ** 2)
  return float(np.sqrt(off / moved)) if moved else float(np.sqrt(off))


def _step(
  experiment: core.Experiment, dtype: str, device: Any, start: core.PyTree
) -> core.PyTree:
  """Return the state after one step on a device, products at full precision."""
  experiment = experiments.everywhere(experiment, {'dtype': dtype})
  devices = mesh.of_devices([device])
  rng = np.random.default_rng(0)
  batch = {
    key: (
      np.zeros(shape.shape, np.int32)
      if shape.dtype == np.int32
      else rng.uniform(-1, 1, shape.shape).astype(np.float32)
    )
    for key, shape in shapes.batch_shapes(experiment).items()
  }
  with jax.default_matmul_precision('highest'):
    step = devices.compile_step(
      loop.training_step(experiment.algorithm, _Fixed())
    )
    state, _ = step(
      devices.replicate(start),
      (),
      devices.place_batch(batch),
      devices.replicate(jax.random.key(1)),
      np.int32(0),
    )
  return jax.device_get(state)


def _gentle(experiment: core.Experiment) -> core.Experiment:
  """Adam scales rounding noise up; with so large an epsilon it does not."""
  algorithm: Any = experiment.algorithm
  changes = {
    f.name: optim.Adam(learning_rate=1e-3, eps=1.0)
    for f in dataclasses.fields(algorithm)
    if f.name.endswith('optimizer')
  }
  changed = dataclasses.replace(algorithm, **changes)
  return dataclasses.replace(experiment, algorithm=changed)
