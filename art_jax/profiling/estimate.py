"""How long a run will take, and how that is known."""

import time

import jax
import jax.numpy as jnp

from art_jax import core
from art_jax.config import experiments, shapes
from art_jax.devices import mesh
from art_jax.profiling import roofline, throughput

_STEPS, _SECONDS = 3, 20  # timed at least, and at most unless fewer steps
_CEILING_SECONDS = 0.1  # for each of its shapes
_ROUND = 1000  # steps that are told of where the duration is not known


def sentence(
  experiment: core.Experiment,
  devices: mesh.Devices,
  flops: float,
  *,
  timed: bool,
) -> str:
  """Return the hours to finish, and how they were estimated.

  In order of trust: what an earlier run of the same work reached here, a few
  steps timed now on random pictures (without input, pictures and checkpoints),
  and the FLOPs of a step at the ceiling measured now, which no step reaches.

  Args:
    experiment: durations in any unit.
    devices: where it would run.
    flops: of a step.
    timed: compile the step and time a few.
  """
  known = throughput.recall(experiment, devices)
  if known:
    return _told(
      experiment, 1 / known, '', f'as a run here took ({known:.3g} steps/s)'
    )
  if timed:
    seconds, count = step_seconds(experiment, devices)
    how = (
      f'{count} steps timed now on random pictures: {seconds:.3g} s each; '
      'input, pictures and checkpoints come on top'
    )
    return _told(experiment, seconds, 'about ', how)
  dtypes = {getattr(x, 'dtype', '') for x in _networks(experiment)}
  dtype = 'bfloat16' if 'bfloat16' in dtypes else 'float32'
  most = max(roofline.measure(devices, dtype, _CEILING_SECONDS).values())
  how = (
    f'the FLOPs of a step at {most / 1e9:,.0f} GFLOP/s, the most that '
    f'{devices.count} device(s) reached just now; steps reach a part of it: '
    '--compile times some'
  )
  return _told(experiment, flops / most, 'at least ', how)


def step_seconds(
  experiment: core.Experiment, devices: mesh.Devices
) -> tuple[float, int]:
  """Return the seconds of the fastest of a few steps, and how many they were.

  The pictures are random; compiling is not counted.
  """
  resolved = experiments.resolve(experiment, num_examples=1000)
  keys = jax.random.split(jax.random.key(0), 3)
  state = devices.compile_init(shapes.initializer(resolved))(
    devices.replicate(keys[0])
  )

  def draw(key, shape):
    if jnp.issubdtype(shape.dtype, jnp.integer):
      return jnp.zeros(shape.shape, shape.dtype)
    return jax.random.uniform(key, shape.shape, minval=-1.0)

  batch = {
    name: draw(keys[1], shape)
    for name, shape in shapes.batch_shapes(resolved).items()
  }
  batch = devices.place_batch(jax.device_get(batch))
  step = jax.jit(resolved.algorithm.step, donate_argnums=0)
  key = devices.replicate(keys[2])
  state, metrics = step(state, batch, key)
  jax.block_until_ready(metrics)
  began, taken = time.perf_counter(), []
  while len(taken) < _STEPS or (
    time.perf_counter() - began < _SECONDS and len(taken) < 10 * _STEPS
  ):
    start = time.perf_counter()
    state, metrics = step(state, batch, key)
    jax.block_until_ready(metrics)
    taken.append(time.perf_counter() - start)
  return min(taken), len(taken)


def _told(
  experiment: core.Experiment, seconds: float, how_sure: str, how: str
) -> str:
  """Return the sentence for steps of so many seconds."""
  examples = getattr(experiment.data.source, 'num_train', None)
  epochs = isinstance(experiment.train.duration, core.Epochs)
  if examples is None and epochs:
    what, steps = f'for {_ROUND:,} steps', _ROUND
  else:
    resolved = experiments.resolve(experiment, examples or 1)
    what, steps = 'to finish', resolved.train.duration
  total = steps * seconds
  hours = total / 3600
  shown = f'{hours:,.0f} hours' if hours > 100 else f'{hours:.2f} hours'
  if total < 600:
    shown = f'{total / 60:.1f} minutes' if total >= 60 else f'{total:.1f} s'
  return f'{how_sure}{shown} {what}: {how}'


def _networks(experiment: core.Experiment):
  batch = shapes.batch_shapes(experiment)
  return [net for net, _ in experiment.algorithm.networks(batch).values()]
