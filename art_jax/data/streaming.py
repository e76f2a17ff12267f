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
  read: Callable[[int, int], Any],
  rows: int,
  first_step: int,
  last_step: int | None,
) -> Generator[Any, None, None]:
  """Yield the batch of every step, read ahead by threads in a fixed order.

  Args:
    read: (step, row) -> pytree of arrays, one example; called by threads.
    rows: rows of a batch in this process.
    first_step: step of the first batch.
    last_step: where the batches end (exclusive); None: never.

  Yields:
    The pytree of `read` with a leading axis of `rows`. Closing the generator
    ends the reading.

  Raises:
    UserError: a picture cannot be read; names the file.
  """
  tf = import_tensorflow()
  failures = {}
  leaves, structure = jax.tree.flatten(read(first_step, 0))

  def read_flat(place):
    try:
      return jax.tree.leaves(read(*divmod(int(place), rows)))
    except Exception as error:
      failures[int(place)] = error
      raise

  last = np.iinfo(np.int64).max if last_step is None else last_step * rows
  places = tf.data.Dataset.range(first_step * rows, last)
  source = _ahead(places, read_flat, leaves, rows)
  try:
    for batch in source.as_numpy_iterator():
      yield jax.tree.unflatten(structure, batch)
  except tf.errors.OpError as error:
    # TensorFlow turns the cause into text: raise the cause itself.
    raise (failures[min(failures)] if failures else error) from None


def _ahead(places: Any, read_flat: Any, leaves: list, rows: int) -> Any:
  """Return the tf.data set that reads, batches and waits a little ahead."""
  tf = import_tensorflow()

  def load(place):
    values = tf.numpy_function(read_flat, [place], [x.dtype for x in leaves])
    for value, leaf in zip(values, leaves, strict=True):
      value.set_shape(leaf.shape)
    return tuple(values)

  options = tf.data.Options()
  options.deterministic = True
  options.threading.private_threadpool_size = parallel.num_workers()
  return (
    places.map(load, num_parallel_calls=parallel.num_workers())
    .batch(rows, drop_remainder=True)
    .prefetch(_AHEAD)
    .with_options(options)
  )
