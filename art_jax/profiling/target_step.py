"""The step that training runs, compiled for devices that are not there."""

import dataclasses
import re
from typing import Any

import jax

from art_jax import core
from art_jax.config import experiments, shapes
from art_jax.data import abstract, pipeline
from art_jax.devices import memory, mesh
from art_jax.devices.targets import Target
from art_jax.training import loop, multi_step, start

# Of a set whose size is known only by reading it.
_ASSUMED = 1000
_UNITS = {'K': 2**10, 'M': 2**20, 'G': 2**30, 'T': 2**40}
# What a TPU's compiler says of a program that is too large.
_TOO_LARGE = re.compile(
  r'(?:Used |\()([\d.]+)([KMGT])(?: of |\) exceeds available HBM \()'
  r'([\d.]+)([KMGT])'
)


@dataclasses.dataclass(frozen=True)
class Program:
  """One call of the device, compiled.

  Attributes:
    memory: bytes that a device needs, see `devices.memory.needs`, and 'state'
      and 'pictures', which are parts of the arguments. Only 'peak' where the
      compiler refused a program that is too large.
    limit: bytes that a device has for it.
    text: of the program; '' if it was refused.
    flops: that the compiler counts for a device; None where it does not.
    engine: 'resident' or 'streaming'.
    pictures: number of them that lie in device memory; None: not known.
  """

  memory: dict[str, int]
  limit: int
  text: str
  flops: float | None
  engine: str
  pictures: int | None

  @property
  def fits(self) -> bool:
    """Whether a device has the memory that it needs."""
    return bool(self.text) and self.memory['peak'] <= self.limit


def compile_step(
  experiment: core.Experiment, target: Target, devices: mesh.Devices
) -> Program:
  """Compile what one call of the device does in training.

  Its donation, shardings, `train.shard_state`, `train.steps_per_call` and
  precision are those of `training.loop`; no data and no weights are read.

  Args:
    experiment: durations in any unit.
    target: where it would run.
    devices: of the target, see `targets.open_devices`.

  Raises:
    core.UserError: bad input, such as a batch that does not divide.
  """
  train = experiment.train
  unit = devices.count * train.accumulate
  core.require(
    train.batch_size % unit == 0,
    f'--target={target.name}: train.batch_size={train.batch_size} does not '
    f'divide over {devices.count} devices; pass --set '
    f'train.batch_size={-(-train.batch_size // unit) * unit}, or a target of '
    'another shape',
  )
  start.check_before_data(experiment, devices)
  devices = devices.with_sharded_state(train.shard_state)
  engine, count = _engine(experiment, devices)
  multi_step.check_engine(train, engine.kind)
  resolved = experiments.resolve(experiment, count or _ASSUMED)
  state = shapes.state_shapes(resolved)
  constants, inputs = engine.abstract()
  step: Any = multi_step.compile_steps(
    loop.training_step(resolved.algorithm, engine, devices.gather),
    devices,
    state,
  )
  key = jax.eval_shape(lambda: jax.random.key(0))
  index = jax.ShapeDtypeStruct((), 'int32')
  lowered = step.lower(
    state, constants, (inputs,) * train.steps_per_call, key, index
  )
  limit = int(target.chip.memory * target.chip.usable)
  try:
    compiled = lowered.compile(compiler_options=target.options)
  except jax.errors.JaxRuntimeError as error:
    peak = _refused(str(error), devices.state_bytes(state))
    if peak is None:
      raise
    return Program({'peak': peak}, limit, '', None, engine.kind, count)
  cost = compiled.cost_analysis() or {}
  # Of a loop the compiler counts one round.
  counted = cost.get('flops') if train.steps_per_call == 1 else None
  return Program(
    _memory(compiled, devices, state, constants),
    limit,
    compiled.as_text(),
    counted,
    engine.kind,
    count,
  )


def _refused(message: str, state: int) -> int | None:
  """Return the bytes that a program needs which the compiler refused.

  None: it was refused for another reason. The message gives all of them, or
  the temporaries alone.
  """
  found = _TOO_LARGE.search(message)
  if not found:
    return None
  used = int(float(found[1]) * _UNITS[found[2]])
  return used + state if 'temporaries' in message else used


def _engine(
  experiment: core.Experiment, devices: mesh.Devices
) -> tuple[pipeline.Engine, int | None]:
  """Return what gives the batches, and the number of pictures if known."""
  data = experiment.data
  count = getattr(data.source, 'num_train', None)
  dataset = abstract.dataset_of(experiment, count or _ASSUMED)
  kind = pipeline.choose(dataset, data, many=True)
  if count is None and data.engine == 'auto':
    several = experiment.train.steps_per_call > 1
    kind = 'resident' if several else 'streaming'
  engine = pipeline.ENGINES[kind](
    dataset, data, experiment.rows_per_step, experiment.train.seed, devices
  )
  return engine, count


def _memory(
  compiled: Any, devices: mesh.Devices, state: core.State, constants: Any
) -> dict[str, int]:
  """Return the bytes that a device needs, and for what."""
  needs = memory.needs(compiled)
  code = compiled.memory_analysis().generated_code_size_in_bytes
  return {
    **needs,
    'program': code,
    'peak': needs['peak'] + code,
    'state': devices.state_bytes(state),
    'pictures': sum(
      x.size * x.dtype.itemsize for x in jax.tree.leaves(constants)
    ),
  }
