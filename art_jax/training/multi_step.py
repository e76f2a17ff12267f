"""Several training steps in one call of the device."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.devices import mesh
from art_jax.training.schedule import Schedule


def calls(first: int, schedule: Schedule) -> Iterator[tuple[int, int]]:
  """Yield the calls of a run: the step each ends with, and how many it takes.

  A call takes `train.steps_per_call` steps where nothing is due before its
  end, else one: two programs are compiled, whatever the intervals are.

  Args:
    first: step at which the run begins.
    schedule: what is due when.
  """
  step, most = first, schedule.train.steps_per_call
  while step < schedule.duration:
    count = most if step + most <= schedule.next(step) else 1
    step += count
    yield step, count


def check_engine(train: core.Train, engine: str) -> None:
  """Raise a UserError if steps need more input than their indices."""
  core.require(
    train.steps_per_call <= 1 or engine == 'resident',
    f'train.steps_per_call={train.steps_per_call} needs the pictures in '
    f'device memory and the engine is {engine}; pass '
    '--set data.engine=resident, or --set train.steps_per_call=1',
  )


def group(
  inputs: Iterable[Any], each: Iterable[tuple[int, int]]
) -> Iterator[tuple]:
  """Yield the inputs of each of the `calls`: a tuple of those of its steps."""
  inputs = iter(inputs)
  for _, count in each:
    yield tuple(next(inputs) for _ in range(count))


def compile_steps(
  step: Callable[..., Any], devices: mesh.Devices, state: core.State
) -> Callable[..., Any]:
  """Compile the function that takes a step for each of its inputs in turn.

  On accelerators the steps of a call are one program, a scan, which XLA may
  round differently than single ones. XLA:CPU runs convolutions inside a loop 3
  to 13 times slower and has no launch to save: there every step is a call of
  the same program, and the bits are those of single steps.

  Args:
    step: (state, constants, inputs, key, index) -> (state, metrics).
    devices: where it runs.
    state: arrays or shapes.

  Returns:
    The same with a tuple of inputs, and the index of the first; metrics are
    those of the last step.
  """
  if devices.platform != 'cpu':
    return devices.compile_step(scanned(step), state)
  single = devices.compile_step(step, state)

  def steps(state, constants, inputs, key, index):
    for i, one in enumerate(inputs):
      state, metrics = single(state, constants, one, key, np.int32(index + i))
    return state, metrics

  return steps


def scanned(step: Callable[..., Any]) -> Callable[..., Any]:
  """Return the function that scans a step over a tuple of inputs. Pure."""

  def steps(state, constants, inputs, key, index):
    if len(inputs) == 1:
      return step(state, constants, inputs[0], key, index)

    def body(state, each):
      one, i = each
      return step(state, constants, one, key, i)

    stacked = jax.tree.map(lambda *x: jnp.stack(x), *inputs)
    indices = index + jnp.arange(len(inputs), dtype=jnp.int32)
    state, metrics = jax.lax.scan(body, state, (stacked, indices))
    return state, jax.tree.map(lambda x: x[-1], metrics)

  return steps
