"""Our side of a row: what users run, step by step."""

import time

import jax
import jax.numpy as jnp

from art_jax import ceiling, core, describe, sharding
from art_jax.nn import lowering
from art_jax.stepper import Stepper


class Inference:
  """A compiled use of a trained model; stands where a `Stepper` would."""

  def __init__(self, experiment: core.Experiment, work: str):
    """Compile `translate` or `generate` as `art_jax.run.Run` does."""
    algorithm, rows = experiment.algorithm, experiment.train.batch_size
    size = experiment.data.size
    shape = (rows, size, size, 3)
    key = jax.random.key(0)
    batch = {name: jnp.zeros(shape) for name in algorithm.inputs}
    self._params = jax.jit(
      lambda: algorithm.inference(algorithm.init(key, batch))
    )()
    use = getattr(algorithm, work)
    self._use = jax.jit(lambda params, x, key: use(params, x, key=key))
    self._inputs = (
      algorithm.latents(key, rows)
      if work == 'generate'
      else jax.random.uniform(key, shape, minval=-1)
    )
    self._key = key

  def take(self, count: int) -> list[tuple[float, float]]:
    """Work on `count` batches; return seconds as `Stepper.take` does."""
    seconds = []
    for _ in range(count):
      start = time.perf_counter()
      jax.block_until_ready(self._use(self._params, self._inputs, self._key))
      seconds.append((0.0, time.perf_counter() - start))
    return seconds

  def flops(self) -> float:
    """Return the FLOPs of one call, with native convolutions."""
    with lowering.native_lowering():
      lowered = self._use.lower(self._params, self._inputs, self._key)
    return float(lowered.cost_analysis()['flops'])

  def close(self) -> None:
    """Do nothing."""


class Ours:
  """One row of ours on one device.

  Attributes:
    networks: numbers of parameters by role.
    flops: of one step, as XLA counts native convolutions.
  """

  def __init__(self, experiment: core.Experiment, work: str):
    """Compile."""
    devices = sharding.make_devices(1)
    if work == 'step':
      self._steps = Stepper(experiment, devices)
      self.flops = describe.step_flops(experiment)
    else:
      self._steps = Inference(experiment, work)
      self.flops = self._steps.flops()
    self.networks = describe.parameters(experiment)

  def take(self, count: int) -> list[float]:
    """Take steps; return the seconds of each, its batch included."""
    return [batch + step for batch, step in self._steps.take(count)]

  def close(self) -> None:
    """End the reading of data."""
    self._steps.close()


def most_flops(precision: str) -> float:
  """Return the FLOP/s that XLA reaches at most on this device."""
  return max(ceiling.measure(sharding.make_devices(1), precision).values())
