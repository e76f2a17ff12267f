"""One program that takes the steps of several cells."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.config import experiments as experiment_files
from art_jax.sweep import groups
from art_jax.training.start import Begun

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
    begun: Sequence[Begun],
    way: str,
  ):
    """Trace nothing yet.

    Args:
      experiments: durations in steps; alike but for seeds and `traced`.
      traced: paths below the experiment of the numbers.
      begun: the cells at the step that they go on from.
      way: 'vmap' or 'turns'.
    """
    self._algorithm, self._vmap = experiments[0].algorithm, way == 'vmap'
    self._engines = [one.engine for one in begun]
    self._constants = self._engines[0].constants
    self._metrics: Any = None
    numbers: Any = [
      {
        path.removeprefix('algorithm.'): np.float32(
          experiment_files.get(each, path)
        )
        for path in traced
      }
      for each in experiments
    ]
    states: Any = [one.state for one in begun]
    keys: Any = [one.key for one in begun]
    if self._vmap:
      numbers = jax.tree.map(lambda *x: np.stack(x), *numbers)
      keys = jnp.stack(keys)
      states = jax.jit(_stacked)(*states)
    else:
      # Draws of the data are keyed by the seed: a program for each engine.
      self._batch = [
        jax.jit(lambda c, i, prepare=engine.prepare: prepare(c, i))
        for engine in self._engines
      ]
    self._numbers, self._states, self._keys = numbers, states, keys
    one_or_all = self._all if self._vmap else self._one
    self._step = jax.jit(one_or_all, donate_argnums=0)

  def step(self, inputs: Sequence[Any], index: int) -> None:
    """Take one step of every cell."""
    at = np.int32(index)
    if self._vmap:
      self._states, self._metrics = self._step(
        self._states, self._numbers, self._constants, inputs, self._keys, at
      )
      jax.block_until_ready(self._metrics)
      return
    self._metrics = []
    for i, one in enumerate(inputs):
      batch = self._batch[i](self._constants, one)
      self._states[i], metrics = self._step(
        self._states[i], self._numbers[i], batch, self._keys[i], at
      )
      # Not two at once, which would share the cores.
      self._metrics.append(jax.block_until_ready(metrics))

  def state(self, cell: int) -> core.State:
    """Return the state of a cell."""
    return (
      jax.tree.map(lambda x: x[cell], self._states)
      if self._vmap
      else self._states[cell]
    )

  def metrics(self) -> Sequence[Mapping[str, Any]]:
    """Return the metrics of the last step, of each cell, on the host."""
    host = jax.device_get(self._metrics)
    if not self._vmap:
      return host
    return [
      {name: values[cell] for name, values in host.items()}
      for cell in range(len(self._engines))
    ]

  def _one(self, state, numbers, batch, key, index):
    algorithm = groups.with_values(self._algorithm, numbers)
    return algorithm.step(state, batch, jax.random.fold_in(key, index))

  def _all(self, states, numbers, constants, inputs, keys, index):
    batch = _stacked(
      *(
        engine.prepare(constants, one)
        for engine, one in zip(self._engines, inputs, strict=True)
      )
    )
    return jax.vmap(self._one, in_axes=(0, 0, 0, 0, None))(
      states, numbers, batch, keys, index
    )


def _stacked(*trees: Any) -> Any:
  return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)
