"""The one training loop: what happens when, from top to bottom."""

import contextlib
import functools
import pathlib
from collections.abc import Callable, Generator, Sequence
from typing import Any

import jax
import numpy as np
from absl import logging

from art_jax import core
from art_jax.algorithms.trainable import Trainable
from art_jax.config import shapes
from art_jax.data import pipeline
from art_jax.devices import distributed, mesh
from art_jax.monitoring.health import AlarmStop
from art_jax.runs import checkpoints, restore
from art_jax.runs.trackers import feed
from art_jax.training import goodput, multi_step, preemption, session, start
from art_jax.training.hooks import Hooks
from art_jax.training.progress import Progress


class Preempted(Exception):
  """Training stopped on request after a checkpoint; exit code 75."""


def train(
  experiment: core.Experiment,
  workdir: str | pathlib.Path,
  *,
  devices: mesh.Devices | None = None,
  init_from: str | None = None,
  command: str = '',
  log: Sequence[str] = (),
  guard: Callable[[str], object] = lambda name: None,
) -> dict[str, float]:
  """Train to the end, continuing what is in the workdir.

  Args:
    experiment: what to train; durations in any unit.
    workdir: the run folder; made if missing. If it holds a run of the same
      config, that run is continued from its last good checkpoint.
    devices: default: all of them.
    init_from: run folder whose networks are the starting point of a fresh
      run; optimizers start fresh.
    command: noted in run.json.
    log: trackers that are told of the run: 'wandb', 'mlflow', 'trackio',
      'module:Class'.
    guard: see `session.Shared`.

  Returns:
    The summary that is also written to summary.json: rates, and where the
    time went (see `Clocks.summary` and `goodput.account`).

  Raises:
    core.UserError: for bad input, or another trainer in the workdir; before
      anything is compiled.
    core.StorageError: the workdir can no longer be written.
    core.Diverged: naming the step, if a number is NaN or infinite, and going
      back is off (train.on_nan) or did not help.
    AlarmStop: an alarm fired, a checkpoint is saved, and train.on_alarm is
      'stop'.
    Preempted: after SIGTERM or SIGINT, once a checkpoint is saved.
  """
  clocks = goodput.Clocks()
  trackers = feed.resolve(log)
  devices = devices or mesh.make_devices()
  start.check_before_data(experiment, devices)
  devices = devices.with_sharded_state(experiment.train.shard_state)
  state_shapes = shapes.state_shapes(experiment)
  with contextlib.ExitStack() as outer:
    locked = session.lock_folder(outer, workdir, experiment)
    donor = None
    if init_from:
      donor = functools.cache(lambda: restore.load_donor(init_from, experiment))
      if not locked[0].holds_checkpoints():
        donor()  # its faults are told before the data are read
    resolved, dataset, measure = start.open_data(experiment, devices, clocks)
    with contextlib.ExitStack() as stack:
      shared = session.Shared(
        dataset=dataset,
        devices=devices,
        probe=measure,
        stop=stack.enter_context(preemption.StopRequest()),
        clocks=clocks,
        command=command,
        donor=donor,
        trackers=trackers,
        guard=guard,
      )
      run, restored = session.open_session(
        stack, shared, experiment, resolved, state_shapes, *locked
      )
      first = restored.step if restored else 0
      rollbacks = _train_to_the_end(run, restored, state_shapes)
    return run.finish(first, rollbacks=rollbacks)


def _train_to_the_end(
  run: session.Session,
  restored: checkpoints.Restored | None,
  state_shapes: core.State,
) -> int:
  """Train; go back to checkpoints as train.on_nan says; return how often."""
  plan = run.experiment.train
  rollbacks = restored.host.get('rollbacks', 0) if restored else 0
  made = start.programs(run, run.experiment)
  while True:
    try:
      take_steps(run, start.begin(run, made, restored, rollbacks), rollbacks)
      return rollbacks
    except core.Diverged as error:
      rollbacks += 1
      if plan.on_nan == 'stop' or rollbacks > plan.max_rollbacks:
        raise
      logging.warning(
        'Going back, %d of %d: %s', rollbacks, plan.max_rollbacks, error
      )
    restored = run.checkpoints.restore(state_shapes)


def take_steps(
  run: session.Session, begun: start.Begun, rollbacks: int
) -> None:
  """Train from the step that a run goes on from to the end.

  Raises:
    core.Diverged, AlarmStop, Preempted, core.StorageError: see `train`.
  """
  first, duration = begun.first, run.duration
  if first >= duration:  # also of fewer pictures, where it is in epochs
    logging.warning(
      'The run is at step %d and train.duration is %d: nothing is left to '
      'train; a longer duration goes on',
      first,
      duration,
    )
    return
  run.report.begin()
  run.times.begin(first)
  main, rows = distributed.is_main(), run.experiment.rows_per_step
  with Progress(first, duration, rows, enabled=main) as progress:
    hooks = Hooks(
      run, begun, say=progress.say, show=progress.show, rollbacks=rollbacks
    )
    progress.say('compiling the first step')
    with contextlib.closing(
      each_call(run, begun.engine, begun.state, begun.key, first)
    ) as steps:
      for call, (step, state, metrics) in enumerate(steps):
        stopping = run.stop.requested(call)
        alarm = hooks.after_step(step, state, metrics, stopping=stopping)
        progress.advance(step)
        if alarm is not None or (stopping and step < duration):
          run.checkpoints.wait()
          if alarm is None:
            raise preempted(step, duration)
          raise AlarmStop(
            f'{alarm}; step {step} is saved, and the same command goes on '
            'from it'
          )
  with run.clocks.of('checkpoint'):
    run.checkpoints.wait()


def preempted(step: int, duration: int) -> Preempted:
  """Return the error of a run that was asked to stop."""
  return Preempted(
    f'stopped on request after step {step} of {duration}; it is saved, and the '
    'same command continues from it'
  )


def each_call(
  run: session.Session,
  engine: pipeline.Engine,
  state: core.State,
  key: core.Key,
  first: int,
) -> Generator[tuple[int, core.State, core.Metrics]]:
  """Take the steps of a run; yield after each call of the device.

  Args:
    run: gives the schedule; its clocks are told where the time goes.
    engine: gives the batches.
    state: after `first` steps, on the devices; it is donated.
    key: of the steps, on the devices.
    first: number of steps taken before.

  Yields:
    The number of steps taken, the state after them, and the metrics of the
    last one, on the devices.
  """
  devices, clocks = run.devices, run.clocks
  step_fn = multi_step.compile_steps(
    training_step(run.experiment.algorithm, engine, devices.gather),
    devices,
    state,
  )
  compiled = set()  # Numbers of steps of a call that have their program.
  previous = None  # Metrics of the step before.
  # Two steps are in flight, but on a CPU, where the one that waits would take
  # cores from the one that runs.
  queue = devices.platform != 'cpu'
  with contextlib.closing(engine.inputs(first)) as each_input:
    inputs = multi_step.group(each_input, multi_step.calls(first, run.schedule))
    with clocks.of('input'):
      batch = next(inputs)
    for step, count in multi_step.calls(first, run.schedule):
      doing = 'step' if count in compiled else 'compile'
      clocks.timed += count * (doing == 'step')
      compiled.add(count)
      with clocks.of(doing):
        state, metrics = step_fn(
          state, engine.constants, batch, key, np.int32(step - count)
        )
      with clocks.of_input(metrics):  # The next one, while the device works.
        batch = next(inputs, None)
      with clocks.of(doing):
        jax.block_until_ready(previous if queue else metrics)
        previous = metrics
      yield step, state, metrics


def training_step(
  algorithm: core.Algorithm,
  engine: Any,
  gather: Callable[[core.PyTree], core.PyTree] | None = None,
) -> Callable[..., Any]:
  """Return the function to compile: prepare the batch, take one step.

  Args:
    algorithm: the model.
    engine: gives the batch.
    gather: undoes the split of a state, which optimizers keep.
  """

  def whole(gather, node):
    if isinstance(node, Trainable):
      params, collections = gather((node.params, node.collections))
      return Trainable(params, collections, node.opt_state)
    return gather(node)

  def step(state, constants, inputs, key, index):
    if gather is not None:
      state = jax.tree.map(
        functools.partial(whole, gather),
        state,
        is_leaf=lambda x: isinstance(x, Trainable),
      )
    batch = engine.prepare(constants, inputs)
    return algorithm.step(state, batch, jax.random.fold_in(key, index))

  return step
