"""Our side of a row: what users run, step by step."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from art_jax import core
from art_jax.data import paintings
from art_jax.devices import mesh
from art_jax.nn import lowering
from art_jax.profiling import describe, roofline
from art_jax.profiling.step_timer import Stepper
from art_jax.style_transfer import optimize


class Inference:
  """A compiled use of a trained model."""

  def __init__(self, experiment: core.Experiment, work: str):
    """Compile `translate` or `generate` as `art_jax.run.Run` does."""
    algorithm, rows = experiment.algorithm, experiment.train.batch_size
    size = experiment.data.size
    shape = (rows, size, size, 3)
    key = jax.random.key(0)
    batch = {name: jnp.zeros(shape) for name in algorithm.inputs}
    params = jax.jit(lambda: algorithm.inference(algorithm.init(key, batch)))()
    generates = work == 'generate'
    use = algorithm.generate if generates else algorithm.translate
    self._use = jax.jit(lambda params, x, key: use(params, x, key=key))
    inputs = (
      algorithm.latents(key, rows)
      if generates
      else jax.random.uniform(key, shape, minval=-1)
    )
    self._arguments = params, inputs, key

  def __call__(self) -> None:
    """Work on one batch."""
    jax.block_until_ready(self._use(*self._arguments))

  def flops(self) -> float:
    """Return the FLOPs of one call, with native convolutions."""
    with lowering.native_lowering():
      lowered = self._use.lower(*self._arguments)
    return float(lowered.cost_analysis()['flops'])


def _painter(experiment: core.Experiment) -> Callable[[], None]:
  """Return a step of `art_jax.stylize.paint` on a built-in scene."""
  algorithm, size = experiment.algorithm, experiment.data.size
  task = optimize.Task(
    paintings.scene(0, photo=True), (paintings.scene(5, photo=False),)
  )
  scale = optimize.Scale(algorithm, task, size, mesh.make_devices(1))
  features = algorithm.features.init(
    jax.random.key(0), scale.content, algorithm.layers
  )
  take, state = scale.prepare(features, scale.content)

  def step():
    nonlocal state
    state, metrics = take(state)
    jax.block_until_ready(metrics)

  return step


def _trainer(experiment: core.Experiment) -> Callable[[], None]:
  """Return the step of `--mode=train`, on data that lies on the device."""
  stepper = Stepper(experiment, mesh.make_devices(1))
  return lambda: stepper.take(1)


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
      self._step = Inference(experiment, work)
      self.flops = self._step.flops()
    else:
      make = {'step': _trainer, 'paint': _painter}[work]
      self._step = make(experiment)
      self.flops = describe.step_flops(experiment)

  def take(self, count: int) -> list[float]:
    """Take steps; return the seconds of each, its batch included."""
    seconds = []
    for _ in range(count):
      start = self._clock()
      self._step()
      seconds.append(self._clock() - start)
    return seconds


def most_flops(precision: str, clock: Callable[[], float]) -> float:
  """Return the FLOP/s that XLA reaches at most on this device."""
  found = roofline.measure(mesh.make_devices(1), precision, clock=clock)
  return max(found.values())
