"""Which cells of a sweep can be trained by one program, and which can not.

Cells go together where they differ in nothing but `train.seed` and fields of
the algorithm that are plain numbers and enter the step as data: a learning
rate, the weight of a loss. Whether a field does is tried: its step is traced
with the field as an unknown number. What a program's shape hangs on, or what
Python branches on (`if self.r1_weight:`), puts cells into different groups.
"""

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from art_jax import core
from art_jax.config import experiments as experiment_files
from art_jax.config import serialization, shapes

_MOST = 16  # cells of one program
_STATE_BYTES = 2**30  # of all states of one program together


@dataclasses.dataclass(frozen=True)
class Group:
  """Cells that one program trains.

  Attributes:
    indices: of the cells in the sweep.
    traced: fields of the algorithm that the program takes as numbers.
    apart: fields that looked like such and are not.
  """

  indices: tuple[int, ...]
  traced: tuple[str, ...]
  apart: tuple[str, ...]


def groups(
  experiments: Sequence[core.Experiment], paths: Sequence[str]
) -> list[Group]:
  """Divide cells into groups; a cell that goes with no other is alone.

  Args:
    experiments: of the cells.
    paths: fields that cells differ in.

  Raises:
    core.UserError: the networks of a cell cannot be built.
  """
  chunks = []
  numbers = [path for path in paths if path.startswith('algorithm.')]
  for indices in _alike(experiments, range(len(experiments)), numbers):
    first = experiments[indices[0]]
    joins = _may_join(first)
    kept = [
      path
      for path in numbers
      if _is_number(first, path)
      and (len(indices) == 1 or not joins or enters_as_data(first, path))
    ]
    apart = tuple(sorted(set(numbers) - set(kept)))
    size = _most(first) if joins else 1
    chunks += [
      Group(tuple(each[i : i + size]), tuple(kept), apart)
      for each in _alike(experiments, indices, kept)
      for i in range(0, len(each), size)
    ]
  return sorted(chunks, key=lambda group: group.indices)


def with_values(algorithm: Any, values: Mapping[str, Any]) -> Any:
  """Return the algorithm with fields replaced, unchecked.

  `dataclasses.replace` would check the new values, and traced numbers cannot
  be compared. The numbers behind them were checked when their cell was made.

  Args:
    algorithm: any tree of frozen dataclasses.
    values: by path below it, `generator_optimizer.learning_rate`.
  """
  for path, value in values.items():
    algorithm = _replaced(algorithm, path.split('.'), value)
  return algorithm


def enters_as_data(experiment: core.Experiment, path: str) -> bool:
  """Tell whether a step can be traced with a field as an unknown number.

  One that first states or pictures depend on is none: the cells of a program
  have those of the first one.
  """
  resolved = experiment_files.resolve(experiment, num_examples=1000)
  below = path.removeprefix('algorithm.')
  state = shapes.state_shapes(resolved)
  key = jax.eval_shape(lambda: jax.random.key(0))
  arguments = state, shapes.batch_shapes(resolved), key

  def step(value, *arguments):
    return with_values(resolved.algorithm, {below: value}).step(*arguments)

  def shared(value, state, batch, key):
    algorithm = with_values(resolved.algorithm, {below: value})
    return algorithm.init(key, batch), algorithm.render(state, batch, key)

  number = jax.ShapeDtypeStruct((), np.float32)
  try:
    jaxpr = jax.make_jaxpr(shared)(number, *arguments).jaxpr
    traced, _ = jax.eval_shape(step, number, *arguments)
  except (jax.errors.ConcretizationTypeError, TypeError, ValueError):
    return False
  read = (v for equation in jaxpr.eqns for v in equation.invars)
  if any(v is jaxpr.invars[0] for v in read):
    return False
  return jax.tree.all(
    jax.tree.map(lambda a, b: a.dtype == b.dtype, traced, state)
  )


def _replaced(node: Any, path: Sequence[str], value: Any) -> Any:
  name, *rest = path
  if rest:
    value = _replaced(getattr(node, name), rest, value)
  new = copy.copy(node)
  object.__setattr__(new, name, value)  # They are frozen, and unchecked so.
  return new


def _is_number(experiment: core.Experiment, path: str) -> bool:
  """Tell whether a field is a plain float, of no network."""
  node = experiment
  for name in path.split('.'):
    if isinstance(node, nn.Module) or not hasattr(node, name):
      return False  # Layers branch in Python, and are compared by value.
    node = getattr(node, name)
  return isinstance(node, float)


def _may_join(experiment: core.Experiment) -> bool:
  """Tell whether the loop of a group can do what this run asks for."""
  train = experiment.train
  return (
    train.on_nan == 'stop'
    and train.steps_per_call == 1
    and not train.shard_state
    and not isinstance(experiment.algorithm, core.Pretrained)
    and jax.process_count() == 1
  )


def _most(experiment: core.Experiment) -> int:
  state = jax.tree.leaves(shapes.state_shapes(experiment))
  size = sum(4 * int(np.prod(leaf.shape)) for leaf in state)
  return min(max(_STATE_BYTES // max(size, 1), 1), _MOST)


def _alike(experiments, indices, free: Sequence[str]) -> list[list[int]]:
  """Divide cells by everything but the seed and these fields."""
  alike: dict[str, list[int]] = {}
  for i in indices:
    experiment = experiments[i]
    below = {
      path.removeprefix('algorithm.'): 0.0
      for path in free
      if _is_number(experiment, path)
    }
    parts = (
      with_values(experiment.algorithm, below),
      experiment.data,
      dataclasses.replace(experiment.train, seed=0),
    )
    key = repr([serialization.to_text(part) for part in parts])
    alike.setdefault(key, []).append(i)
  return list(alike.values())
