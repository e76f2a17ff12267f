"""The bare compiled step of an experiment, for timing."""

import contextlib
import time

import jax
import numpy as np

from art_jax import core
from art_jax.config import experiments, shapes
from art_jax.data import fit, pipeline
from art_jax.devices import memory, mesh
from art_jax.training import goodput, loop, start


class Stepper:
  """The compiled step of an experiment on real data, step by step.

  Attributes:
    experiment: durations in steps.
    seconds: of opening the data, tracing and compiling the step, compiling
      and running the initialization.
    memory: bytes on each device, see `memory.needs`.
  """

  def __init__(self, experiment: core.Experiment, devices: mesh.Devices):
    """Compile, after checking what can be checked before.

    Raises:
      core.UserError: bad input, or no memory for the batch.
    """
    start.check_before_data(experiment, devices)
    clocks = goodput.Clocks()
    self.seconds = clocks.seconds
    with clocks.of('data'):
      dataset = experiment.data.source.open(experiment.data)
      fit.check_fit(dataset, experiment)
      self.experiment = experiments.resolve(experiment, dataset.num_examples)
    devices = devices.with_sharded_state(experiment.train.shard_state)
    self._dataset, self._devices = dataset, devices
    init_key, self._key = (
      devices.replicate(jax.random.key(i)) for i in range(2)
    )
    compiled, engine = self._compile(self.experiment, self.seconds)
    self.memory = memory.needs(compiled)
    self._check_memory()
    with clocks.of('init'):
      init = devices.compile_init(shapes.initializer(self.experiment))
      self._state = jax.block_until_ready(init(init_key))
    self._compiled, self._constants = compiled, engine.constants
    self._inputs, self._index = engine.inputs(0), 0

  def take(self, count: int) -> list[tuple[float, float]]:
    """Take steps; return the seconds of getting the batch and of the step."""
    seconds = []
    for _ in range(count):
      start = time.perf_counter()
      batch = next(self._inputs)
      ready = time.perf_counter()
      self._state, metrics = self._compiled(
        self._state,
        self._constants,
        batch,
        self._key,
        np.int32(self._index),
      )
      jax.block_until_ready(metrics)
      seconds.append((ready - start, time.perf_counter() - ready))
      self._index += 1
    return seconds

  def close(self) -> None:
    """End the reading of data."""
    self._inputs.close()

  def _compile(self, experiment, seconds):
    devices = self._devices
    engine = pipeline.open_engine(
      self._dataset,
      experiment.data,
      rows_per_step=experiment.rows_per_step,
      seed=experiment.train.seed,
      placer=devices,
    )
    step = loop.training_step(experiment.algorithm, engine, devices.gather)
    state = shapes.state_shapes(experiment)
    with contextlib.closing(engine.inputs(0)) as inputs:
      batch = next(inputs)
    start = time.perf_counter()
    lowered = devices.compile_step(step, state).lower(
      state, engine.constants, batch, self._key, np.int32(0)
    )
    traced = time.perf_counter()
    compiled = lowered.compile()
    seconds['trace'] = traced - start
    seconds['compile'] = time.perf_counter() - traced
    return compiled, engine

  def _check_memory(self) -> None:
    available, train = memory.free(self._devices), self.experiment.train
    if self.memory['peak'] <= available:
      return
    unit = self._devices.count * train.accumulate
    half = memory.half_batch(train.batch_size, unit)
    smaller = experiments.replace(self.experiment, {'train.batch_size': half})
    compiled, _ = self._compile(smaller, {})
    needs_half = memory.needs(compiled)['peak']
    memory.require_batch_fits(
      train.batch_size, unit, self.memory['peak'], needs_half, available
    )
