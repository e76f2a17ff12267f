"""Seconds of a call on the device."""

import statistics
import time
from collections.abc import Callable

import jax


def seconds(
  function: Callable, clock: Callable[[], float] = time.perf_counter
) -> float:
  """Return the seconds of a call, its results waited for."""
  start = clock()
  jax.block_until_ready(function())
  return clock() - start


def median(
  function: Callable, count: int, clock: Callable[[], float] = time.perf_counter
) -> float:
  """Return the median seconds of `count` calls."""
  return statistics.median(seconds(function, clock) for _ in range(count))
