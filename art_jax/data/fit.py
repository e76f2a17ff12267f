"""Whether a model can learn from a data set."""

from collections.abc import Sequence
from typing import Any

from absl import logging

from art_jax import core
from art_jax.data import columns
from art_jax.data.dataset import Dataset


def check_fit(dataset: Dataset, experiment: core.Experiment) -> None:
  """Raise a UserError unless a model can learn from a data set.

  Columns come first: their message says how to get them.
  """
  algorithm = experiment.algorithm
  check_columns(dataset, algorithm)
  check_inputs(dataset, algorithm.inputs, algorithm.aligned)
  check_classes(dataset, algorithm)
  check_batch(dataset, experiment.train.batch_size)


def check_batch(dataset: Dataset, batch_size: int) -> None:
  """Warn of a set, or a domain, with fewer pictures than a batch.

  It is no error: a few pictures may be all that somebody has.

  Args:
    dataset: the set.
    batch_size: examples of one update.
  """
  count = min((len(examples) for examples in dataset.train), default=0)
  if 0 < count < batch_size:
    logging.warning(
      '%d training picture(s) are fewer than train.batch_size=%d: a batch '
      'holds some of them more than once; pass --set train.batch_size=%d, or '
      'add pictures',
      *(count, batch_size, 2 ** (count.bit_length() - 1)),
    )


def check_inputs(
  dataset: Dataset, inputs: Sequence[str], aligned: bool
) -> None:
  """Check that a set can serve an algorithm.

  Args:
    dataset: the set.
    inputs: keys that the algorithm reads.
    aligned: `a` and `b` of a row must show the same scene.

  Raises:
    UserError: a key is missing, or the pairs are not aligned.
  """
  missing = [key for key in inputs if key not in dataset.keys]
  core.require(
    not missing,
    f'the data gives {", ".join(dataset.keys)}, but the algorithm reads '
    f'{", ".join(inputs)} ({", ".join(missing)} is missing); pass another '
    '--data, e.g. --data=builtin',
  )
  core.require(
    not aligned or any(set(inputs) <= set(e.keys) for e in dataset.train),
    'the algorithm learns from pairs of one scene, but a and b of this data '
    'are not paired; pass --data=PATH of side-by-side pictures, or '
    '--data=builtin',
  )


def check_classes(dataset: Dataset, algorithm: Any) -> None:
  """Check that a conditional model has room for every label of a set.

  Fewer classes than the model has are only warned of: those go untrained.

  Args:
    dataset: the set.
    algorithm: the model.

  Raises:
    UserError: the set has more classes.
  """
  num_classes = core.num_classes(algorithm)
  field = core.num_classes_field(algorithm)
  present = len(dataset.class_names)
  if not num_classes or not present:
    return
  core.require(
    present <= num_classes,
    f'the data has {present} classes ({", ".join(dataset.class_names)}), but '
    f'{field}={num_classes}; pass --set {field}={present}, or choose with '
    '--set "data.classes=(\'NAME\', ...)"',
  )
  if present < num_classes:
    logging.warning(
      'The data has %d classes, %s=%d: the others will not be trained.',
      present,
      field,
      num_classes,
    )


def check_columns(dataset: Dataset, algorithm: Any) -> None:
  """Check that a set gives the attributes that an algorithm reads.

  Args:
    dataset: gives `columns`.
    algorithm: the model.

  Raises:
    UserError: an attribute is missing, of the other kind, or has more names
      than the algorithm knows.
  """
  present = {column.name: column for column in dataset.columns}
  wanted = core.columns(algorithm)
  for name, count in wanted.items():
    column = present.get(name)
    if column is None:
      names = ', '.join(present) or 'no attributes'
      trouble = f'is not in the data, which has {names}'
    elif bool(column.values) != bool(count):
      kinds = ('a number', 'a category')
      trouble = (
        f'is {kinds[bool(count)]} there and {kinds[not count]} in the data'
      )
    elif len(column.values) > count:
      trouble = f'has {len(column.values)} names in the data, but count={count}'
    else:
      continue
    raise core.UserError(
      f'algorithm.attributes: {name!r} {trouble}; pass '
      f'{columns.suggestion(dataset.columns) if present else "another --data"}'
    )
