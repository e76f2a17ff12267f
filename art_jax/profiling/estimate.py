"""How long a run will take, and how that is known.

The speeds of earlier runs are kept in the user's cache folder.
"""

import contextlib
import hashlib
import json
import time
import types
from collections.abc import Callable, Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.config import experiments, serialization, shapes
from art_jax.core.paths import home, write_atomic
from art_jax.devices import mesh
from art_jax.profiling import roofline

_STEPS, _SECONDS = 3, 20  # timed at least, and at most unless fewer steps
_CEILING_SECONDS = 0.1  # for each of its shapes
_ROUND = 1000  # steps of the estimate where the duration is not known
# From so many seconds on: the seconds of a unit, its name, and decimal places.
_UNITS = [
  (100 * 3600, 3600, 'hours', 0),
  (600, 3600, 'hours', 2),
  (60, 60, 'minutes', 1),
]


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
  known = recall(experiment, devices)
  if known:
    seconds, sure = 1 / known, ''
    how = f'as a run here took ({known:.3g} steps/s)'
  elif timed:
    (seconds, count), sure = step_seconds(experiment, devices), 'about '
    how = (
      f'{count} steps timed now on random pictures: {seconds:.3g} s each; '
      'input, pictures and checkpoints come on top'
    )
  else:
    dtype = roofline.compute_dtype(experiment.algorithm)
    most = max(roofline.measure(devices, dtype, _CEILING_SECONDS).values())
    seconds = flops / most
    sure = 'not known before steps are timed (--compile does); at least '
    how = (
      f'the FLOPs of a step at {most / 1e9:,.0f} GFLOP/s, the most that '
      f'{devices.count} device(s) reached just now; small steps take many '
      'times as long'
    )
  return f'{sure}{duration(experiment, seconds)}: {how}'


def step_seconds(
  experiment: core.Experiment, devices: mesh.Devices
) -> tuple[float, int]:
  """Return the seconds of the fastest of a few steps, and how many they were.

  The pictures are random; compiling is not counted.
  """
  resolved = experiments.resolve(experiment, num_examples=1000)
  devices = devices.with_sharded_state(resolved.train.shard_state)
  keys = jax.random.split(jax.random.key(0), 3)
  state = devices.compile_init(shapes.initializer(resolved))(
    devices.replicate(keys[0])
  )

  def draw(key, shape):
    return (
      jnp.zeros(shape.shape, shape.dtype)
      if jnp.issubdtype(shape.dtype, jnp.integer)
      else jax.random.uniform(key, shape.shape, minval=-1.0)
    )

  batch = devices.place_batch(
    jax.device_get(
      {
        name: draw(keys[1], shape)
        for name, shape in shapes.batch_shapes(resolved).items()
      }
    )
  )
  step, index = compile_step(resolved, devices, state), np.int32(0)
  key = devices.replicate(keys[2])
  state, metrics = step(state, (), batch, key, index)
  jax.block_until_ready(metrics)
  began, taken = time.perf_counter(), []
  while len(taken) < _STEPS or (
    time.perf_counter() - began < _SECONDS and len(taken) < 10 * _STEPS
  ):
    start = time.perf_counter()
    state, metrics = step(state, (), batch, key, index)
    jax.block_until_ready(metrics)
    taken.append(time.perf_counter() - start)
  return min(taken), len(taken)


def compile_step(
  resolved: core.Experiment, devices: mesh.Devices, state: core.PyTree
) -> Callable[..., Any]:
  """Compile `step(state, (), batch, key, index)` as training does.

  Args:
    resolved: durations in steps.
    devices: with the state split over them where training splits it.
    state: arrays or shapes.
  """
  from art_jax.training import loop  # here: most estimates take no step

  ready = types.SimpleNamespace(prepare=lambda constants, batch: batch)
  step = loop.training_step(resolved.algorithm, ready, devices.gather)
  return devices.compile_step(step, state)


def duration(experiment: core.Experiment, seconds: float) -> str:
  """Return how long a run takes whose steps take so many seconds."""
  examples = getattr(experiment.data.source, 'num_train', None)
  epochs = isinstance(experiment.train.duration, core.Epochs)
  if examples is None and epochs:
    what, steps = f'for {_ROUND:,} steps', _ROUND
  else:
    resolved = experiments.resolve(experiment, examples or 1)
    what, steps = 'to finish', cast(int, resolved.train.duration)
  total = steps * seconds
  for least, unit, name, digits in _UNITS:
    if total >= least:
      return f'{total / unit:,.{digits}f} {name} {what}'
  return f'{total:.1f} s {what}'


def summary_sentence(summary: Mapping[str, float]) -> str:
  """Return the rates of a run in one line, for its end."""
  return ', '.join(
    [
      f'{summary["steps"]:.0f} steps',
      f'{summary["steps_per_second"]:.2f} steps/s',
      f'{summary["images_per_second"]:.1f} images/s',
      f'{100 * summary["input_share"]:.1f} % waiting for input',
      f'{summary.get("seconds/compile", 0.0):.1f} s to the first step '
      '(compilation)',
      f'{summary["seconds/wall"]:.1f} s in all',
    ]
  )


def remember(
  experiment: core.Experiment,
  devices: mesh.Devices,
  summary: Mapping[str, float],
) -> None:
  """Note the speed of a run in the user's cache folder."""
  if summary['steps'] < 10:
    return  # Too few to time.
  speeds = _speeds() | {_key(experiment, devices): summary['steps_per_second']}
  # The run is done: that a later estimate lacks its speed is no failure of it.
  with contextlib.suppress(OSError, core.UserError):
    write_atomic(home() / 'throughput.json', json.dumps(speeds, indent=2))


def recall(experiment: core.Experiment, devices: mesh.Devices) -> float | None:
  """Return steps/s measured before for the same work, or None."""
  return _speeds().get(_key(experiment, devices))


def _speeds() -> dict[str, float]:
  try:
    return dict(json.loads((home() / 'throughput.json').read_text('utf-8')))
  except (OSError, ValueError, TypeError):
    return {}


def _key(experiment: core.Experiment, devices: mesh.Devices) -> str:
  """Name the work of one step: model, picture size, batch, devices."""
  per_call = experiment.train.steps_per_call
  work = (
    serialization.to_text(experiment.algorithm),
    experiment.data.size,
    experiment.data.channels,
    experiment.train.batch_size,
    experiment.train.accumulate,
    devices.mesh.devices.flat[0].device_kind,
    devices.count,
    # Only where they are set: the speeds of before keep their names.
    *((('shard_state',),) if experiment.train.shard_state else ()),
    *((('calls', per_call),) if per_call > 1 else ()),
  )
  return hashlib.sha256(repr(work).encode()).hexdigest()[:16]
