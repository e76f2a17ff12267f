"""Where the time of a run goes."""

import contextlib
import time
from typing import Any

import jax


class Clocks:
  """Wall time by what the loop was doing.

  Attributes:
    seconds: time spent so far under each name.
    untimed: number of steps that compiled and are left out of the rate.
  """

  def __init__(self):
    self.seconds: dict[str, float] = {}
    self.untimed = 0
    self._began = time.perf_counter()

  def wall(self) -> float:
    """Return the seconds since it was made."""
    return time.perf_counter() - self._began

  @contextlib.contextmanager
  def of(self, name: str):
    """Add the time of a block to `name`."""
    start = time.perf_counter()
    try:
      yield
    finally:
      passed = time.perf_counter() - start
      self.seconds[name] = self.seconds.get(name, 0.0) + passed

  @contextlib.contextmanager
  def of_input(self, in_flight: Any):
    """Add the time of getting a batch to `input` if the device waited for it.

    While the device still works on the step before, nothing waits, and the
    time belongs to that `step`.

    Args:
      in_flight: arrays that the step before computes; None before the first.
    """
    start = time.perf_counter()
    yield
    passed = time.perf_counter() - start
    leaves = jax.tree.leaves(in_flight)
    busy = leaves and not leaves[0].is_ready()
    name = 'step' if busy else 'input'
    self.seconds[name] = self.seconds.get(name, 0.0) + passed

  def summary(self, steps: int, rows: int) -> dict[str, float]:
    """Return rates and shares.

    The rate counts the time of steps and of waiting for input; the first
    step, which compiles, is left out of it. `input_share` is the part of that
    time in which the device had nothing to do but wait for a batch.

    Args:
      steps: number of steps taken.
      rows: examples of one step.

    Returns:
      steps_per_second, images_per_second, input_share in [0, 1],
      and seconds/NAME for each name and for the whole (`wall`).
    """
    stepping = self.seconds.get('step', 0.0)
    waiting = self.seconds.get('input', 0.0)
    busy = stepping + waiting
    rate = max(steps - max(self.untimed, 1), 0) / busy if busy else 0.0
    return {
      'steps': steps,
      'steps_per_second': rate,
      'images_per_second': rate * rows,
      'input_share': waiting / busy if busy else 0.0,
      'seconds/wall': self.wall(),
      **{f'seconds/{name}': value for name, value in self.seconds.items()},
    }
