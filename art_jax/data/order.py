"""The order of the data: a pure function of (seed, group, position).

Position p of a run is example `p % N` of epoch `p // N`. A group is one index
space: an image set is one, two unpaired domains are two. Nothing is stored,
so a run resumes exactly, on any number of devices or processes.
"""

import functools

import numpy as np


def positions(step: int, rows: int) -> np.ndarray:
  """Return u64[rows], the positions that step `step` takes."""
  return np.uint64(step * rows) + np.arange(rows, dtype=np.uint64)


def words(positions: np.ndarray) -> np.ndarray:
  """Return u32[rows, 2], the high and low half of u64[rows] positions.

  Devices count in 32 bits; with both halves a long run never wraps.
  """
  high = (positions >> np.uint64(32)).astype(np.uint32)
  low = (positions & np.uint64(0xFFFFFFFF)).astype(np.uint32)
  return np.stack([high, low], axis=-1)


def indices(
  seed: int, group: int, positions: np.ndarray, num_examples: int
) -> np.ndarray:
  """Return i32[rows], the example at each of u64[rows] positions.

  Every epoch is a permutation of all examples; no remainder is dropped, and
  one call may span several epochs.
  """
  epochs, places = np.divmod(positions, np.uint64(num_examples))
  result = np.empty(positions.shape, np.int32)
  for epoch in np.unique(epochs):
    rows = epochs == epoch
    order = permutation(seed, group, int(epoch), num_examples)
    result[rows] = order[places[rows]]
  return result


@functools.lru_cache(maxsize=8)
def permutation(
  seed: int, group: int, epoch: int, num_examples: int
) -> np.ndarray:
  """Return the read-only i32[num_examples] order of one epoch.

  It sorts raw bits of a counter-based generator: unlike
  `Generator.permutation`, these are the same in every version of NumPy.
  """
  bits = np.random.Philox(np.random.SeedSequence([seed, group, epoch]))
  order = np.argsort(bits.random_raw(num_examples), kind='stable')
  order = order.astype(np.int32)
  order.flags.writeable = False
  return order
