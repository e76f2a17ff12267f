"""The one training loop: what happens when, from top to bottom."""

import contextlib
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from absl import logging

from art_jax import core
from art_jax.algorithms.trainable import Trainable
from art_jax.config import experiments, shapes
from art_jax.data import paintings, pipeline
from art_jax.data.dataset import Dataset, check_fit
from art_jax.devices import distributed, mesh
from art_jax.monitoring import probe
from art_jax.monitoring.health import AlarmStop, Health
from art_jax.report.refresh import Refresher
from art_jax.runs import restore
from art_jax.runs.checkpoints import Checkpoints, Restored
from art_jax.runs.folder import RunFolder
from art_jax.runs.lock import RunLock
from art_jax.runs.metrics_log import Writer
from art_jax.runs.start_record import (
  describe_data,
  training_pictures,
  write_start,
)
from art_jax.training import multi_step
from art_jax.training.goodput import Goodput
from art_jax.training.hooks import Bookkeeper
from art_jax.training.preemption import StopRequest
from art_jax.training.progress import Progress
from art_jax.training.session import Job
from art_jax.training.timing import Clocks
from art_jax.training.warm_start import transfer


class Preempted(Exception):
  """Training stopped on request after a checkpoint; exit code 75."""


def train(
  experiment: core.Experiment,
  workdir: str | pathlib.Path,
  *,
  devices: mesh.Devices | None = None,
  init_from: str | None = None,
  command: str = '',
) -> dict[str, float]:
  """Train to the end, continuing what is in the workdir.

  Args:
    experiment: what to train; durations in any unit.
    workdir: the run folder; made if missing. If it holds a run of the same
      config, that run is continued from its last good checkpoint.
    devices: default: all of them.
    init_from: run folder whose networks are the starting point of a fresh
      run; optimisers start fresh.
    command: noted in run.json.

  Returns:
    The summary that is also written to summary.json: rates, and where the
    time went (see `timing.Clocks.summary` and `goodput.account`).

  Raises:
    core.UserError: for bad input, or another trainer in the workdir; before
      anything is compiled.
    core.StorageError: the workdir can no longer be written.
    core.Diverged: naming the step, if a number is NaN or infinite, and going
      back was not asked for (train.on_nan) or did not help.
    AlarmStop: an alarm rang, a checkpoint is saved, and train.on_alarm is
      'stop'.
    Preempted: after SIGTERM or SIGINT, once a checkpoint is saved.
  """
  clocks = Clocks()
  devices = devices or mesh.make_devices()
  check(experiment, devices)
  devices = devices.with_sharded_state(experiment.train.shard_state)
  abstract = shapes.state_shapes(experiment)
  main = distributed.is_main()
  folder = RunFolder(workdir, writable=main)
  with (
    # The outermost: its last report tells what all others have written.
    Refresher(folder.path, enabled=main) as report,
    RunLock(folder.path, enabled=main) as lock,
  ):
    folder.check_config(experiment)
    donor = restore.load_state(init_from) if init_from else None
    with clocks.of('data'):
      dataset = experiment.data.source.open(experiment.data)
      check_fit(dataset, experiment.algorithm)
      if main:
        print(dataset.summary, file=sys.stderr, flush=True)
      resolved = experiments.resolve(experiment, dataset.num_examples)
      plan = resolved.train
    with clocks.of('probe'):
      measure = open_probe(resolved, dataset, devices)
    with lock.writing(0):
      write_start(
        folder,
        experiment,
        resolved,
        devices,
        command,
        data=describe_data(dataset),
        examples=lambda: training_pictures(dataset),
      )
    with (
      Checkpoints(
        folder.checkpoints, keep_last=plan.keep_last, keep_every=plan.keep_every
      ) as checkpoints,
      Writer(folder.path, enabled=main) as writer,
      StopRequest() as stop,
      Goodput(folder.path, clocks, enabled=main) as times,
    ):
      job = Job(
        *(resolved, dataset, devices, donor),
        *(lock, checkpoints, writer, stop, clocks, times, measure, report),
      )
      restored = checkpoints.restore(abstract)
      first = restored.step if restored else 0
      rollbacks = restored.host.get('rollbacks', 0) if restored else 0
      if first < plan.duration:
        report.begin()
      while True:
        try:
          take_steps(job, restored, rollbacks)
          break
        except core.Diverged as error:
          rollbacks += 1
          if plan.on_nan == 'stop' or rollbacks > plan.max_rollbacks:
            raise
          logging.warning(
            'Going back, %d of %d: %s', rollbacks, plan.max_rollbacks, error
          )
        restored = checkpoints.restore(abstract)
    rows = plan.batch_size * core.batches_per_step(resolved.algorithm)
    summary = clocks.summary(plan.duration - first, rows) | times.summary()
    if first < plan.duration:
      with lock.writing(plan.duration):
        folder.finish({**summary, 'rollbacks': rollbacks})
  return summary


def take_steps(job: Job, restored: Restored | None, rollbacks: int) -> None:
  """Train from a checkpoint, or from step 0, to the end.

  Raises:
    core.Diverged, Preempted, core.StorageError: see `train`.
  """
  algorithm, plan = job.experiment.algorithm, job.experiment.train
  devices, clocks = job.devices, job.clocks
  rows = plan.batch_size * core.batches_per_step(algorithm)
  init_key, step_key, render_key = jax.random.split(
    jax.random.key(plan.seed), 3
  )
  if rollbacks:
    step_key = jax.random.fold_in(step_key, rollbacks)
  with clocks.of('data'):
    engine = pipeline.open_engine(
      job.dataset,
      job.experiment.data,
      rows_per_step=rows,
      seed=order_seed(plan.seed, rollbacks),
      placer=devices,
      last_step=plan.duration,
    )
    heldout = devices.replicate(
      pipeline.heldout_batch(
        job.dataset, job.experiment.data, plan.render_count
      )
    )
  multi_step.check(plan, engine.kind)
  step_key = devices.replicate(step_key)
  render = devices.compile_render(algorithm.render)
  with clocks.of('start'):
    state, first = start(job, restored, init_key)
    with job.lock.writing(first):
      job.writer.cut(first)
      health = Health(
        *(job.experiment, job.measure, job.writer, job.dataset.class_names),
        restored.host if restored else {},
      )
  if first < plan.duration:
    job.times.begin(first)
  step_fn = multi_step.compile_steps(
    training_step(algorithm, engine, devices.gather), devices, state
  )
  compiled = set()  # Numbers of steps of a call that have their program.
  previous = None  # Metrics of the step before.
  # Two steps are in flight, but on a CPU, where the one that waits would take
  # cores from the one that runs.
  queue = devices.platform != 'cpu'
  with (
    contextlib.closing(engine.inputs(first)) as each_inputs,
    Progress(
      first, plan.duration, rows, enabled=distributed.is_main()
    ) as progress,
  ):
    books = Bookkeeper(
      *(job, health, progress, engine.names),
      render=lambda state: render(state, heldout, render_key),
      first=first,
      rollbacks=rollbacks,
    )
    inputs = multi_step.group(each_inputs, multi_step.calls(first, plan))
    if first < plan.duration:
      progress.say('compiling the first step')
      with clocks.of('input'):
        batch = next(inputs)
    for call, (step, count) in enumerate(multi_step.calls(first, plan)):
      doing = 'step' if count in compiled else 'compile'
      if doing == 'compile':
        compiled.add(count)
        clocks.untimed += count
      with clocks.of(doing):
        state, metrics = step_fn(
          state, engine.constants, batch, step_key, np.int32(step - count)
        )
      with clocks.of_input(metrics):  # The next one, while the device works.
        batch = next(inputs, None)
      with clocks.of(doing):
        jax.block_until_ready(previous if queue else metrics)
        previous = metrics
      stopping = job.stop.requested(call)
      alarm = books.keep(step, state, metrics, stopping=stopping)
      if alarm is not None:
        job.checkpoints.wait()
        raise AlarmStop(
          f'{alarm}; step {step} is saved, and the same command goes on from it'
        )
      if stopping and step < plan.duration:
        job.checkpoints.wait()
        raise Preempted(
          f'stopped on request after step {step} of {plan.duration}; it is '
          'saved, and the same command continues from it'
        )
  with clocks.of('checkpoint'):
    job.checkpoints.wait()


def open_probe(
  experiment: core.Experiment, dataset: Dataset, devices: mesh.Devices
) -> probe.Probe | None:
  """Return the probe of a run, unless nobody would read it."""
  plan = experiment.train
  if plan.on_alarm == 'off' and plan.best_metric == 'none':
    return None
  return probe.open_probe(experiment, dataset, devices)


def order_seed(seed: int, rollbacks: int) -> int:
  """Return the seed of the data order after a number of rollbacks."""
  if not rollbacks:
    return seed
  return int(np.random.SeedSequence([seed, rollbacks]).generate_state(1)[0])


def training_step(
  algorithm: core.Algorithm,
  engine: Any,
  gather: Callable[[core.PyTree], core.PyTree] | None = None,
) -> Callable[..., Any]:
  """Return the function to compile: prepare the batch, take one step.

  Args:
    algorithm: the model.
    engine: gives the batch.
    gather: undoes the split of a state, which optimisers keep.
  """

  def whole(node):
    if isinstance(node, Trainable):
      rest = gather((node.params, node.collections))
      return Trainable(*rest, node.opt_state)
    return gather(node)

  def step(state, constants, inputs, key, index):
    if gather is not None:
      state = jax.tree.map(
        whole, state, is_leaf=lambda x: isinstance(x, Trainable)
      )
    batch = engine.prepare(constants, inputs)
    return algorithm.step(state, batch, jax.random.fold_in(key, index))

  return step


def start(
  job: Job, restored: Restored | None, key: core.Key
) -> tuple[core.State, int]:
  """Return the state to go on from, on the devices, and its step."""
  if restored is not None:
    if distributed.is_main():
      print(f'continuing from step {restored.step}', file=sys.stderr)
    return job.devices.place_state(restored.state), restored.step
  init = job.devices.compile_init(shapes.initializer(job.experiment))
  pretrained = core.pretrained(job.experiment.algorithm, paintings.read)
  state = init(job.devices.replicate(key), job.devices.replicate(pretrained))
  if job.donor is not None:
    state = job.devices.place_state(transfer(jax.device_get(state), job.donor))
  return state, 0


def check(experiment: core.Experiment, devices: mesh.Devices) -> None:
  """Raise a UserError for what can be seen to be wrong without the data."""
  train, algorithm = experiment.train, experiment.algorithm
  if isinstance(algorithm, core.PaintsOnePicture):
    raise core.UserError(
      f'{type(algorithm).__name__} does not learn from a set of pictures: it '
      'paints one; use --mode=stylize --content=FILE --style=FILE --output=FILE'
    )
  mesh.require_batch_divides(devices, train.batch_size, train.accumulate)
  size, multiple = experiment.data.size, core.size_multiple(algorithm)
  if size % multiple:
    upper = size - size % multiple + multiple
    raise core.UserError(
      f'data.size={size}: the networks need a multiple of {multiple}; pass '
      f'--set data.size={upper}'
    )
