"""From examples to batches on devices: two engines, the same batches.

**resident**: the whole set lies in device memory as u8; a step receives
indices and gathers inside its own jitted program, so input costs nothing.
**streaming**: tf.data reads and decodes ahead of the step.

Both give bit-identical batches for the same (seed, step): the order is a pure
function (`order`), and crop and flip are device operations keyed by the
position (`ops`). Resuming is asking for another first step.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Generator
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.data import ops, order, packed, parallel, streaming
from art_jax.data.dataset import Dataset, Examples

# The most that `engine='auto'` puts into device memory.
RESIDENT_BYTES = 2 * 2**30
# Above this, accelerators and several processes stream: there host cores are
# many and device memory (or its copy in every process) is dear.
SMALL_BYTES = 256 * 2**20


class Engine(Protocol):
  """Gives the inputs of every step.

  Attributes:
    kind: 'resident' or 'streaming'.
    constants: device arrays that every jitted step receives.
  """

  kind: str
  constants: core.PyTree

  def inputs(self, first_step: int) -> Generator[core.PyTree, None, None]:
    """Yield the inputs of steps `first_step`, `first_step` + 1, ...

    Each is a pytree of global arrays whose rows are split over the devices.
    Closing the generator ends all reading.
    """
    ...

  def prepare(
    self, constants: core.PyTree, inputs: core.PyTree
  ) -> dict[str, jax.Array]:
    """Return the batch. Pure: traced inside the jitted step."""
    ...

  def abstract(self) -> tuple[core.PyTree, core.PyTree]:
    """Return the shapes of `constants` and of the inputs of one step."""
    ...

  def names(self, step: int) -> list[str]:
    """Return the names of the examples of one step."""
    ...


@dataclasses.dataclass(frozen=True, eq=False)
class _Engine:
  """What both engines share.

  Attributes:
    dataset: the set.
    data: how its pictures are cut.
    rows_per_step: rows of the global batch of one step.
    seed: of the order, the crops and the flips.
    placer: `art_jax.devices.mesh.Devices`.
    last_step: where the inputs end (exclusive); None: never.
  """

  dataset: Dataset
  data: core.Data
  rows_per_step: int
  seed: int
  placer: Any
  last_step: int | None = None

  def indices(self, group: int, positions: np.ndarray) -> np.ndarray:
    size = len(self.dataset.train[group])
    return order.indices(self.seed, group, positions, size)

  def local_positions(self, step: int) -> np.ndarray:
    rows = self.rows_per_step
    return order.positions(step, rows)[self.placer.local_rows(rows)]

  def batch(self, groups, position) -> dict[str, jax.Array]:
    return {
      name: value
      for group, rows in enumerate(groups)
      for name, value in ops.augment(
        rows, position, ops.group_key(self.seed, group), self.data
      ).items()
    }

  def names(self, step: int) -> list[str]:
    positions = order.positions(step, self.rows_per_step)
    return [
      examples.name(index)
      for group, examples in enumerate(self.dataset.train)
      for index in self.indices(group, positions)
    ]


class _Resident(_Engine):
  kind = 'resident'

  def abstract(self):
    rows, groups = self.rows_per_step, self.dataset.train
    index = jax.ShapeDtypeStruct((rows,), jnp.int32)
    return (
      tuple(_stacked(examples, len(examples)) for examples in groups),
      {'index': (index,) * len(groups), 'position': _positions(rows)},
    )

  @functools.cached_property
  def constants(self):
    return self.placer.replicate(tuple(map(_read_all, self.dataset.train)))

  def inputs(self, first_step):
    step = first_step
    while self.last_step is None or step < self.last_step:
      positions = self.local_positions(step)
      groups = range(len(self.dataset.train))
      yield self.placer.place_batch(
        {
          'index': tuple(self.indices(group, positions) for group in groups),
          'position': order.words(positions),
        }
      )
      step += 1

  def prepare(self, constants, inputs):
    def gather(rows, index):
      return {
        key: whole.at[index].get(mode='promise_in_bounds')
        for key, whole in rows.items()
      }

    groups = map(gather, constants, inputs['index'])
    return self.batch(groups, inputs['position'])


class _Streaming(_Engine):
  kind = 'streaming'
  constants = ()

  def abstract(self):
    rows = self.rows_per_step
    groups = tuple(_stacked(group, rows) for group in self.dataset.train)
    return (), {'rows': groups, 'position': _positions(rows)}

  def inputs(self, first_step):
    groups = self.dataset.train

    def read(step, rows):
      positions = self.local_positions(step)[rows]
      return tuple(
        _together([examples.read(i) for i in self.indices(group, positions)])
        for group, examples in enumerate(groups)
      )

    count = len(self.local_positions(first_step))
    stream = streaming.batches(read, count, first_step, self.last_step)
    with contextlib.closing(stream):
      for step, rows in enumerate(stream, first_step):
        position = order.words(self.local_positions(step))
        yield self.placer.place_batch({'rows': rows, 'position': position})

  def prepare(self, constants, inputs):
    return self.batch(inputs['rows'], inputs['position'])


# Each reads nothing until its `constants` or `inputs` are asked for.
ENGINES = {'resident': _Resident, 'streaming': _Streaming}


def open_engine(
  dataset: Dataset,
  data: core.Data,
  *,
  rows_per_step: int,
  seed: int,
  placer: Any,
  last_step: int | None = None,
) -> Engine:
  """Return the engine that `data.engine` asks for.

  'auto' is 'resident', except where the set exceeds 2 GiB as u8, or exceeds
  256 MiB on an accelerator or with several processes; without TensorFlow
  only the first of these streams.

  Args:
    dataset: the set.
    data: how its pictures are cut, and the engine.
    rows_per_step: rows of one step, over all devices and processes.
    seed: of the order, the crops and the flips, >= 0.
    placer: `art_jax.devices.mesh.Devices`.
    last_step: where the inputs end (exclusive); None: never.

  Raises:
    UserError: streaming is needed and TensorFlow is not installed, a picture
      cannot be read, or `data.cache` cannot be written to.
  """
  many = jax.default_backend() != 'cpu' or jax.process_count() > 1
  kind = choose(dataset, data, many=many)
  if kind == 'streaming':
    streaming.require_tensorflow(
      'data.engine=streaming', '--set data.engine=resident'
    )
  dataset = packed.kept(dataset, data)
  engine = ENGINES[kind](dataset, data, rows_per_step, seed, placer, last_step)
  _ = engine.constants  # read everything now: errors come before compiling
  return engine


def choose(dataset: Dataset, data: core.Data, *, many: bool) -> str:
  """Return the engine that a run uses: 'resident' or 'streaming'.

  Args:
    dataset: the set.
    data: its `engine` may leave the choice open.
    many: the run is on accelerators, or has several processes.
  """
  if data.engine != 'auto':
    return data.engine
  num_bytes = sum(
    len(examples) * sum(value.nbytes for value in examples.read(0).values())
    for examples in dataset.train
  )
  large = num_bytes > RESIDENT_BYTES or (
    num_bytes > SMALL_BYTES and many and streaming.installed()
  )
  return 'streaming' if large else 'resident'


def heldout_batch(
  dataset: Dataset, data: core.Data, count: int
) -> dict[str, np.ndarray]:
  """Return the first `count` held-out examples, cut in the center.

  No flip, a fixed order, and from the start again if there are fewer.

  Args:
    dataset: the set.
    data: gives `size`.
    count: number of rows.

  Returns:
    f32[count, size, size, C] pictures in [-1, 1] and i32[count] labels.
  """
  spaces = [
    [space.read(i % len(space)) for i in range(count)]
    for space in dataset.heldout
  ]
  stacked = {
    key: np.stack([row[key] for row in rows])
    for rows in spaces
    for key in rows[0]
  }
  return ops.center(stacked, data.size)


def _stacked(examples: Examples, rows: int) -> dict[str, jax.ShapeDtypeStruct]:
  """Return the shapes of so many examples, by key."""
  return {
    key: jax.ShapeDtypeStruct((rows, *value.shape), value.dtype)
    for key, value in examples.read(0).items()
  }


def _together(rows: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
  return {key: np.stack([row[key] for row in rows]) for key in rows[0]}


def _positions(rows: int) -> jax.ShapeDtypeStruct:
  return jax.ShapeDtypeStruct((rows, 2), jnp.uint32)


def _read_all(examples: Examples) -> dict[str, np.ndarray]:
  """Decode every example, in threads: u8[N, load, load, C], i32[N]."""
  whole = {
    key: np.empty((len(examples), *value.shape), value.dtype)
    for key, value in examples.read(0).items()
  }

  def fill(index):
    for key, value in examples.read(index).items():
      whole[key][index] = value

  parallel.map_indices(fill, len(examples), 'reading pictures')
  return whole
