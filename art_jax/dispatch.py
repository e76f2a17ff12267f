"""Several training steps in one call of the device."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

from art_jax import core


def calls(first: int, train: core.Train) -> Iterator[tuple[int, int]]:
  """Yield the calls of a run: the step each ends with, and how many it takes.

  A call takes `train.steps_per_call` steps where nothing is due before its
  end, else one: two programs are compiled, whatever the intervals are.

  Args:
    first: step at which the run begins.
    train: durations in steps.
  """
  intervals = (train.log_every, train.render_every, train.checkpoint_every)
  step = first
  while step < train.duration:
    due = min([train.duration, *(step - step % n + n for n in intervals)])
    fits = step and step + train.steps_per_call <= due  # step 1 is looked at
    count = train.steps_per_call if fits else 1
    step += count
    yield step, count


def check(train: core.Train, engine: str) -> None:
  """Raise a UserError if steps need more input than their indices."""
  if train.steps_per_call > 1 and engine != 'resident':
    raise core.UserError(
      f'train.steps_per_call={train.steps_per_call} needs the pictures in '
      f'device memory and the engine is {engine}; pass '
      '--set data.engine=resident, or --set train.steps_per_call=1'
    )


def group(
  inputs: Iterable[Any], each: Iterable[tuple[int, int]]
) -> Iterator[tuple]:
  """Yield the inputs of each of the `calls`: a tuple of those of its steps."""
  inputs = iter(inputs)
  for _, count in each:
    yield tuple(next(inputs) for _ in range(count))


def several(step: Callable[..., Any], *, unroll: bool) -> Callable[..., Any]:
  """Return the function that takes a step for each of its inputs in turn.

  Args:
    step: (state, constants, inputs, key, index) -> (state, metrics).
    unroll: write the steps one after the other: bit-identical to single
      calls. Otherwise one step is compiled and scanned, which XLA may round
      differently. XLA:CPU runs convolutions inside a loop 3 to 13 times
      slower.

  Returns:
    The same with a tuple of inputs, and the index of the first; metrics are
    those of the last step.
  """

  def steps(state, constants, inputs, key, index):
    if unroll or len(inputs) == 1:
      for i, one in enumerate(inputs):
        if i:  # Steps are not fused, so that every one rounds as it would.
          state = jax.lax.optimization_barrier(state)
        state, metrics = step(state, constants, one, key, index + i)
      return state, metrics

    def body(state, scanned):
      one, i = scanned
      return step(state, constants, one, key, i)

    stacked = jax.tree.map(lambda *x: jnp.stack(x), *inputs)
    indices = index + jnp.arange(len(inputs), dtype=jnp.int32)
    state, metrics = jax.lax.scan(body, state, (stacked, indices))
    return state, jax.tree.map(lambda x: x[-1], metrics)

  return steps
