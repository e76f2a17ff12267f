"""Run a function over many indices in threads, with a progress line."""

import concurrent.futures
import os
from collections.abc import Callable
from typing import TypeVar

from tqdm import tqdm

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
  with concurrent.futures.ThreadPoolExecutor(num_workers()) as pool:
    results = pool.map(run, range(count))
    return list(tqdm(results, title, count, leave=False, disable=None))
