"""What holds for a model that does not state a capability: the defaults.

Programs outside `core` read optional members of an algorithm through these
functions, or test for a protocol of `contracts` or `traits` by isinstance.
"""

from collections.abc import Mapping
from typing import Any

import jax

from art_jax.core import contracts, traits


def num_classes(algorithm: Any) -> int:
  """Return the number of classes of a conditional model; 0: no labels."""
  return (
    algorithm.num_classes if isinstance(algorithm, traits.Conditional) else 0
  )


def num_classes_field(algorithm: Any) -> str:
  """Return the path for --set of `num_classes`."""
  return (
    algorithm.num_classes_field
    if isinstance(algorithm, traits.ClassCountField)
    else 'algorithm.num_classes'
  )


def attributes(algorithm: Any) -> tuple[Any, ...]:
  """Return the attributes that a model's pictures are made with; () if none."""
  return (
    algorithm.attributes if isinstance(algorithm, traits.Attributed) else ()
  )


def columns(algorithm: Any) -> Mapping[str, int]:
  """Return the columns of a table that a model reads; {} if none.

  By name: the number of names in it, or 0 for a column of numbers.
  """
  return algorithm.columns if isinstance(algorithm, traits.Attributed) else {}


def labels(algorithm: Any, batch: contracts.Batch) -> jax.Array | None:
  """Return what `generate` and `score` take as the labels of a batch.

  Returns:
    i32[B] of a conditional model, f32[B, W] of one with attributes, else None.
  """
  if attributes(algorithm):
    return algorithm.labels(batch)
  return batch['label'] if num_classes(algorithm) else None


def inference_fields(algorithm: Any) -> tuple[str, ...]:
  """Return the fields that may change when a trained model is used."""
  return (
    algorithm.in_use if isinstance(algorithm, traits.InferenceFields) else ()
  )


def directions(algorithm: Any) -> tuple[str, ...]:
  """Return the names of the maps of a translator; () for other models."""
  return (
    algorithm.directions if isinstance(algorithm, contracts.Translator) else ()
  )


def size_multiple(algorithm: Any) -> int:
  """Return what height and width of its pictures are multiples of; else 1."""
  return (
    algorithm.multiple if isinstance(algorithm, contracts.SizeMultiple) else 1
  )


def sampling_passes(algorithm: Any) -> int:
  """Return how often a network runs for one sample; 1 unless stated."""
  return algorithm.num_steps if isinstance(algorithm, traits.MultiPass) else 1


def batches_per_step(algorithm: Any) -> int:
  """Return how many batches one step takes (n_critic); 1 unless stated."""
  return (
    algorithm.batches_per_step
    if isinstance(algorithm, traits.MultiBatch)
    else 1
  )


def adversarial_loss(algorithm: Any) -> Any:
  """Return the loss that trains a model's scores; None if there is none."""
  return (
    algorithm.loss if isinstance(algorithm, contracts.Adversarial) else None
  )


def pretrained(
  algorithm: Any, read_picture: traits.PictureReader
) -> contracts.PyTree:
  """Return the weights that a state starts with as host arrays; () if none.

  Args:
    algorithm: the model.
    read_picture: reads the pictures that its fields name.

  Raises:
    UserError: a file is absent or does not fit.
  """
  return (
    algorithm.pretrained(read_picture)
    if isinstance(algorithm, traits.Pretrained)
    else ()
  )
