"""Run a function over many indices in threads, with a progress line."""

import concurrent.futures
import os
import sys
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar('T')


def num_workers() -> int:
  """Return how many threads decode pictures at once."""
  return min(32, os.cpu_count() or 1)


def map_indices(run: Callable[[int], T], count: int, title: str) -> list[T]:
  """Return `[run(0), ..., run(count - 1)]`, computed in threads.

  Pillow releases the interpreter lock while it decodes and resizes, so
  threads use all cores. A terminal gets a progress line, a log gets nothing.
  The first error stops the rest.
  """
  results = []
  show, last = sys.stderr.isatty(), time.monotonic()
  with concurrent.futures.ThreadPoolExecutor(num_workers()) as pool:
    try:
      for done, result in enumerate(pool.map(run, range(count)), 1):
        results.append(result)
        if show and (time.monotonic() - last > 0.5):
          last = time.monotonic()
          sys.stderr.write(f'\r{title} {done}/{count}\033[K')
          sys.stderr.flush()
    finally:
      pool.shutdown(wait=True, cancel_futures=True)
      if show:
        sys.stderr.write('\r\033[K')
        sys.stderr.flush()
  return results
