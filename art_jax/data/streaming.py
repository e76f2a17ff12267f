"""Reading ahead with tf.data; the only part of training that needs it."""

from collections.abc import Callable, Iterator
import importlib.util
import os
from typing import Any

import jax
import numpy as np

from art_jax import core
from art_jax.data import parallel

_AHEAD = 2  # batches that wait in host memory


def installed() -> bool:
  """Tell whether TensorFlow can be imported, without importing it."""
  return importlib.util.find_spec('tensorflow') is not None


def require_tensorflow() -> None:
  """Check that TensorFlow is there.

  Raises:
    UserError: it is not.
  """
  if not installed():
    raise core.UserError(
      'this data is read with TensorFlow, which is not installed; run: '
      'pip install tensorflow-cpu, or pass --set data.engine=resident'
    )


def import_tensorflow() -> Any:
  """Return TensorFlow, made quiet and kept away from GPUs.

  Raises:
    UserError: it is not installed.
  """
  require_tensorflow()
  os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
  import tensorflow as tf

  tf.config.set_visible_devices([], 'GPU')  # JAX needs all of their memory
  return tf


def batches(
  read: Callable[[int, int], Any],
  rows: int,
  first_step: int,
  last_step: int | None,
) -> Iterator[Any]:
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
  example = read(first_step, 0)
  leaves, structure = jax.tree.flatten(example)

  def read_flat(place):
    try:
      return jax.tree.leaves(read(*divmod(int(place), rows)))
    except Exception as error:
      failures[int(place)] = error
      raise

  def load(place):
    values = tf.numpy_function(read_flat, [place], [x.dtype for x in leaves])
    for value, leaf in zip(values, leaves, strict=True):
      value.set_shape(leaf.shape)
    return tuple(values)

  last = np.iinfo(np.int64).max if last_step is None else last_step * rows
  options = tf.data.Options()
  options.deterministic = True
  options.threading.private_threadpool_size = parallel.num_workers()
  source = (
    tf.data.Dataset.range(first_step * rows, last)
    .map(load, num_parallel_calls=parallel.num_workers())
    .batch(rows, drop_remainder=True)
    .prefetch(_AHEAD)
    .with_options(options)
  )
  try:
    for batch in source.as_numpy_iterator():
      yield jax.tree.unflatten(structure, batch)
  except tf.errors.OpError as error:
    # TensorFlow turns the cause into text: raise the cause itself.
    raise (failures[min(failures)] if failures else error) from None
