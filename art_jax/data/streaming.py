"""Reading ahead with tf.data; the only part of training that needs it."""

import importlib.util
import os
from collections.abc import Callable, Generator
from typing import Any

import jax
import numpy as np

from art_jax import core
from art_jax.data import parallel

_AHEAD = 2  # batches that wait in host memory
_BYTES = 2**20  # of the rows that one call reads
_ROWS = 16  # that one call reads


def installed() -> bool:
  """Tell whether TensorFlow can be imported, without importing it."""
  return importlib.util.find_spec('tensorflow') is not None


def require_tensorflow(purpose: str, instead: str) -> None:
  """Check that TensorFlow is there, before it is needed.

  Args:
    purpose: what needs it.
    instead: what to pass to do without.

  Raises:
    UserError: it is not installed.
  """
  core.require(
    installed(),
    f'{purpose} needs TensorFlow, which is not installed; run: '
    f'pip install tensorflow-cpu, or pass {instead}',
  )


def quieten_tensorflow() -> None:
  """Keep TensorFlow's start from printing; works before its first import."""
  os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
  # It announces these kernels at any log level; nothing here computes in it.
  os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')


def import_tensorflow() -> Any:
  """Return TensorFlow, kept away from the memory of GPUs."""
  quieten_tensorflow()
  import tensorflow as tf

  tf.config.set_visible_devices([], 'GPU')
  return tf


def batches(
  read: Callable[[int, slice], Any],
  rows: int,
  first_step: int,
  last_step: int | None,
) -> Generator[Any, None, None]:
  """Yield the batch of every step, read ahead by threads in a fixed order.

  Args:
    read: (step, rows) -> pytree of arrays, so many rows of the batch; called
      by threads, of small pictures with several rows at once.
    rows: rows of a batch in this process.
    first_step: step of the first batch.
    last_step: where the batches end (exclusive); None: never.

  Yields:
    The pytree of `read` for all rows. Closing the generator ends the reading.

  Raises:
    UserError: a picture cannot be read; names the file.
  """
  tf = import_tensorflow()
  failures = {}
  leaves, structure = jax.tree.flatten(read(first_step, slice(1)))
  size = sum(leaf.nbytes for leaf in leaves)
  count = max(n for n in range(1, rows + 1) if _fits(n, rows, size))
  parts = rows // count  # of a batch

  def read_flat(place):
    step, part = divmod(int(place), parts)
    try:
      chosen = slice(part * count, (part + 1) * count)
      return jax.tree.leaves(read(step, chosen))
    except Exception as error:
      failures[int(place)] = error
      raise

  last = np.iinfo(np.int64).max if last_step is None else last_step * parts
  places = tf.data.Dataset.range(first_step * parts, last)
  source = _ahead(places, read_flat, leaves, count, parts)
  try:
    for batch in source.as_numpy_iterator():
      whole = (leaf.reshape(rows, *leaf.shape[2:]) for leaf in batch)
      yield jax.tree.unflatten(structure, whole)
  except tf.errors.OpError as error:
    # TensorFlow turns the cause into text: raise the cause itself.
    raise (failures[min(failures)] if failures else error) from None


def _fits(count: int, rows: int, size: int) -> bool:
  """Tell whether one call may read so many rows of a batch."""
  small = count * size <= _BYTES and count <= _ROWS
  return rows % count == 0 and (count == 1 or small)


def _ahead(
  places: Any, read_flat: Any, leaves: list, count: int, parts: int
) -> Any:
  """Return the tf.data set that reads, batches and waits a little ahead."""
  tf = import_tensorflow()

  def load(place):
    values = tf.numpy_function(read_flat, [place], [x.dtype for x in leaves])
    for value, leaf in zip(values, leaves, strict=True):
      value.set_shape((count, *leaf.shape[1:]))
    return tuple(values)

  options = tf.data.Options()
  options.deterministic = True
  options.threading.private_threadpool_size = parallel.num_workers()
  return (
    places.map(load, num_parallel_calls=parallel.num_workers())
    .batch(parts, drop_remainder=True)
    .prefetch(_AHEAD)
    .with_options(options)
  )
