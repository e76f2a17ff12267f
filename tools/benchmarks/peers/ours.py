"""Our side of a row: what users run, step by step."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from art_jax import core
from art_jax.data import paintings
from art_jax.devices import mesh
from art_jax.nn import lowering
from art_jax.profiling import describe, roofline, step_timer
from art_jax.style_transfer import scale, task
from tools.benchmarks import timing


def _inference(experiment: core.Experiment, work: str):
  """Return one compiled use of a trained model, and its FLOPs."""
  algorithm: Any = experiment.algorithm
  rows, size = experiment.train.batch_size, experiment.data.size
  shape, key = (rows, size, size, 3), jax.random.key(0)
  batch = {name: jnp.zeros(shape) for name in algorithm.inputs}
  params = jax.jit(lambda: algorithm.inference(algorithm.init(key, batch)))()
  apply, inputs = (
    (algorithm.generate, algorithm.latents(key, rows))
    if work == 'generate'
    else (algorithm.translate, jax.random.uniform(key, shape, minval=-1))
  )
  use = jax.jit(lambda params, x, key: apply(params, x, key=key))
  with lowering.native_lowering():
    flops = use.lower(params, inputs, key).cost_analysis()['flops']
  return lambda: use(params, inputs, key), float(flops)


def _painter(experiment: core.Experiment) -> Callable[[], Any]:
  """Return a step of `style_transfer.optimize.paint` on a built-in scene."""
  algorithm: Any = experiment.algorithm
  painted = scale.Scale(
    algorithm,
    task.Task(
      paintings.scene(0, photo=True), (paintings.scene(5, photo=False),)
    ),
    experiment.data.size,
    mesh.make_devices(1),
  )
  features = algorithm.features.init(
    jax.random.key(0), painted.content, algorithm.layers
  )
  take, state = painted.prepare(features, painted.content)

  def step():
    nonlocal state
    state, metrics = take(state)
    return metrics

  return step


class Ours:
  """One row of ours on one device.

  Attributes:
    networks: numbers of parameters by role.
    flops: of one step, as XLA counts native convolutions.
  """

  def __init__(
    self, experiment: core.Experiment, work: str, clock: Callable[[], float]
  ):
    """Compile.

    Args:
      experiment: what to time.
      work: see `rows.Row`.
      clock: gives seconds.
    """
    self._clock = clock
    self.networks = describe.parameters(experiment)
    if work in ('translate', 'generate'):
      self._step, self.flops = _inference(experiment, work)
      return
    self.flops = describe.step_flops(experiment)
    self._step = (
      _painter(experiment)
      if work == 'paint'
      else functools.partial(  # on data that lies on the device
        step_timer.Stepper(experiment, mesh.make_devices(1)).take, 1
      )
    )

  def take(self, count: int) -> list[float]:
    """Take steps; return the seconds of each, its batch included."""
    return [timing.seconds(self._step, self._clock) for _ in range(count)]


def most_flops(precision: str, clock: Callable[[], float]) -> float:
  """Return the FLOP/s that XLA reaches at most on this device."""
  devices = mesh.make_devices(1)
  return max(roofline.measure(devices, precision, clock=clock).values())
