"""One program that takes the steps of several cells."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.config import experiments as experiment_files
from art_jax.devices import mesh
from art_jax.sweep import groups

WAYS = ('vmap', 'turns')


def best_way(platform: str) -> str:
  """Return how cells are best trained together on a kind of device.

  'vmap' is one call for all: what fills an accelerator that a small network
  leaves idle. XLA:CPU has no fast convolution whose kernel differs from cell to
  cell: for 8 GANs of width 16 it took 5 times as long as 8 steps. 'turns' calls
  one program for each cell, which is compiled once and not once a cell.
  """
  return 'turns' if platform == 'cpu' else 'vmap'


class Program:
  """Trains cells that differ in seeds and in numbers of their algorithm.

  What it computes for a cell is what a run of the cell computes, up to the
  rounding of another program.
  """

  def __init__(
    self,
    experiments: Sequence[core.Experiment],
    traced: Sequence[str],
    engines: Sequence[Any],
    devices: mesh.Devices,
    way: str,
  ):
    """Trace nothing yet.

    Args:
      experiments: durations in steps; alike but for seeds and `traced`.
      traced: paths below the experiment of the numbers.
      engines: of the data, one for each cell.
      devices: where it runs.
      way: 'vmap' or 'turns'.
    """
    self._algorithm = experiments[0].algorithm
    self._engines, self._devices, self._way = engines, devices, way
    self._numbers = [
      {
        path.removeprefix('algorithm.'): np.float32(
          experiment_files.get(each, path)
        )
        for path in traced
      }
      for each in experiments
    ]
    self._states: Any = None
    self._metrics: Any = None
    self._constants = engines[0].constants
    if way == 'vmap':
      self._numbers = jax.tree.map(lambda *x: np.stack(x), *self._numbers)
      self._step = jax.jit(self._all, donate_argnums=0)
    else:
      self._step = jax.jit(self._one, donate_argnums=0)
      # Draws of the data are keyed by the seed: a program for each engine.
      self._batch = [
        jax.jit(lambda c, i, prepare=engine.prepare: prepare(c, i))
        for engine in engines
      ]

  def begin(self, states: Sequence[core.State], keys: Sequence[core.Key]):
    """Set the states and the keys that every step's key is folded from."""
    self._keys = list(keys)
    self._states = list(states)
    if self._way == 'vmap':
      self._keys = jnp.stack(self._keys)
      self._states = jax.jit(
        lambda *x: jax.tree.map(lambda *leaves: jnp.stack(leaves), *x)
      )(*states)

  def step(self, inputs: Sequence[Any], index: int) -> None:
    """Take one step of every cell."""
    index = np.int32(index)
    if self._way == 'vmap':
      self._states, self._metrics = self._step(
        self._states, self._numbers, self._constants, inputs, self._keys, index
      )
      jax.block_until_ready(self._metrics)
      return
    self._metrics = []
    for i, one in enumerate(inputs):
      batch = self._batch[i](self._constants, one)
      self._states[i], metrics = self._step(
        self._states[i], self._numbers[i], batch, self._keys[i], index
      )
      # Not two at once, which would share the cores.
      self._metrics.append(jax.block_until_ready(metrics))

  def state(self, cell: int) -> core.State:
    """Return the state of a cell."""
    if self._way == 'turns':
      return self._states[cell]
    return jax.tree.map(lambda x: x[cell], self._states)

  def metrics(self) -> list[dict[str, float]]:
    """Return the metrics of the last step, of each cell."""
    host = jax.device_get(self._metrics)
    if self._way == 'turns':
      return [{k: float(v) for k, v in one.items()} for one in host]
    return [
      {k: float(v[cell]) for k, v in host.items()}
      for cell in range(len(self._engines))
    ]

  def _one(self, state, numbers, batch, key, index):
    algorithm = groups.with_values(self._algorithm, numbers)
    return algorithm.step(state, batch, jax.random.fold_in(key, index))

  def _all(self, states, numbers, constants, inputs, keys, index):
    batches = [
      engine.prepare(constants, one)
      for engine, one in zip(self._engines, inputs, strict=True)
    ]
    batch = jax.tree.map(lambda *x: jnp.stack(x), *batches)
    each = (0, 0, 0, 0, None)
    return jax.vmap(self._one, in_axes=each)(
      states, numbers, batch, keys, index
    )
