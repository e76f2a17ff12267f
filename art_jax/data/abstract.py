"""A set without pictures: what a step needs to know of them to be compiled."""

import numpy as np

from art_jax import core
from art_jax.config import shapes
from art_jax.data.dataset import Dataset, Examples


def dataset_of(experiment: core.Experiment, num_examples: int) -> Dataset:
  """Return a set of so many black pictures, as those of an experiment are.

  Args:
    experiment: gives the keys of its batches, and how pictures are cut.
    num_examples: of each index space.
  """
  data, algorithm = experiment.data, experiment.algorithm
  side = data.load_size or data.size
  example = {
    key: np.zeros((side, side, data.channels), np.uint8)
    if len(shape.shape) > 1
    else np.zeros((), shape.dtype)
    for key, shape in shapes.batch_shapes(experiment).items()
  }
  # Two unpaired domains are two spaces; pairs, or pictures with labels, one.
  pictures = sum(value.ndim > 0 for value in example.values())
  apart = pictures > 1 and not algorithm.aligned
  groups = [{key: example[key]} for key in example] if apart else [example]
  names = [f'picture {i}' for i in range(num_examples)]
  spaces = tuple(
    Examples(tuple(group), names, lambda _, group=group: group)
    for group in groups
  )
  return Dataset(train=spaces, heldout=spaces)
