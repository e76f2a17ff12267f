"""The one training loop: what happens when, from top to bottom."""

import pathlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from absl import logging

from art_jax import config, core, run, shapes, sharding
from art_jax.checkpoint import Checkpoints
from art_jax.data import pipeline
from art_jax.data.dataset import check_inputs
from art_jax.progress import Progress
from art_jax.run_folder import RunFolder
from art_jax.signals import StopRequest
from art_jax.timing import Clocks
from art_jax.trainable import Trainable
from art_jax.writer import Writer


class Diverged(Exception):
  """Training stopped because a number went bad; exit code 3."""


class Preempted(Exception):
  """Training stopped on request after a checkpoint; exit code 75."""


def train(
  experiment: core.Experiment,
  workdir: str | pathlib.Path,
  *,
  devices: sharding.Devices | None = None,
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
    time went (see `timing.Clocks.summary`).

  Raises:
    core.UserError: for bad input, before anything is compiled.
    Diverged: naming the step, if a metric is NaN or infinite.
    Preempted: after SIGTERM or SIGINT, once a checkpoint is saved.
  """
  clocks = Clocks()
  devices = devices or sharding.make_devices()
  check(experiment, devices)
  abstract = shapes.state_shapes(experiment)
  main = sharding.is_main()
  folder = RunFolder(workdir, writable=main)
  folder.check_config(experiment)
  donor = run.load_state(init_from) if init_from else None

  with clocks.of('data'):
    dataset = experiment.data.source.open(experiment.data)
    check_inputs(
      dataset, experiment.algorithm.inputs, experiment.algorithm.aligned
    )
    logging.info('%s', dataset.summary)
    resolved = config.resolve(experiment, dataset.num_examples)
    algorithm, plan = resolved.algorithm, resolved.train
    rows = plan.batch_size * core.batches_per_step(algorithm)
    engine = pipeline.open_engine(
      dataset,
      resolved.data,
      rows_per_step=rows,
      seed=plan.seed,
      placer=devices,
      last_step=plan.duration,
    )
    heldout = devices.replicate(
      pipeline.heldout_batch(dataset, resolved.data, plan.render_count)
    )
  folder.begin(experiment, resolved, dataset, devices, command)
  init_key, step_key, render_key = jax.random.split(
    jax.random.key(plan.seed), 3
  )
  step_key = devices.replicate(step_key)
  step_fn = devices.compile_step(training_step(algorithm, engine))
  render_fn = devices.compile_render(algorithm.render)

  with (
    Checkpoints(
      folder.checkpoints, keep_last=plan.keep_last, keep_every=plan.keep_every
    ) as checkpoints,
    Writer(folder.path, enabled=main) as writer,
    StopRequest() as stop,
  ):
    with clocks.of('start'):
      state, first = start(
        resolved, abstract, devices, checkpoints, init_key, donor
      )
      writer.cut(first)
    inputs = engine.inputs(first)
    previous = None  # Metrics of the step before: at most two are in flight.
    with Progress(first, plan.duration, rows, enabled=main) as progress:
      for step in range(first + 1, plan.duration + 1):
        with clocks.of('input'):
          batch = next(inputs)
        with clocks.of('compile' if step == first + 1 else 'step'):
          state, metrics = step_fn(
            state, engine.constants, batch, step_key, np.int32(step - 1)
          )
          jax.block_until_ready(metrics if step == first + 1 else previous)
          previous = metrics
        stopping = stop.requested(step)
        last = stopping or step == plan.duration
        save = last or step % plan.checkpoint_every == 0
        render = last or step == 1 or step % plan.render_every == 0
        if save or render or step == 1 or step % plan.log_every == 0:
          with clocks.of('step'):
            values = {k: float(v) for k, v in jax.device_get(metrics).items()}
          with clocks.of('log'):
            writer.scalars(step, values)
            progress.show(step, values)
          check_finite(step, values, engine)
        if render:
          with clocks.of('render'):
            images = jax.device_get(render_fn(state, heldout, render_key))
            writer.images(step, images)
        if save:
          with clocks.of('checkpoint'):
            checkpoints.save(step, state, {'seed': plan.seed})
        progress.advance(step)
        if stopping and step < plan.duration:
          checkpoints.wait()
          raise Preempted(
            f'stopped on request after step {step} of {plan.duration}; it is '
            'saved, and the same command continues from it'
          )
    with clocks.of('checkpoint'):
      checkpoints.wait()
  summary = clocks.summary(plan.duration - first, rows)
  if first < plan.duration:
    folder.finish(summary)
  return summary


def training_step(algorithm: core.Algorithm, engine: Any) -> Callable[..., Any]:
  """Return the function to compile: prepare the batch, take one step."""

  def step(state, constants, inputs, key, index):
    batch = engine.prepare(constants, inputs)
    return algorithm.step(state, batch, jax.random.fold_in(key, index))

  return step


def start(
  experiment: core.Experiment,
  abstract: core.State,
  devices: sharding.Devices,
  checkpoints: Checkpoints,
  key: core.Key,
  donor: core.State | None = None,
) -> tuple[core.State, int]:
  """Return the state to go on from, on the devices, and its step."""
  restored = checkpoints.restore(abstract)
  if restored is not None:
    logging.info('continuing from step %d', restored.step)
    return devices.replicate(restored.state), restored.step
  init = devices.compile_init(shapes.initializer(experiment))
  state = init(devices.replicate(key))
  if donor is not None:
    state = devices.replicate(transfer(jax.device_get(state), donor))
  return state, 0


def check(experiment: core.Experiment, devices: sharding.Devices) -> None:
  """Raise a UserError for what can be seen to be wrong without the data."""
  train, algorithm = experiment.train, experiment.algorithm
  sharding.check_batch(devices, train.batch_size, train.accumulate)
  size, multiple = experiment.data.size, getattr(algorithm, 'multiple', 1)
  if size % multiple:
    upper = size - size % multiple + multiple
    raise core.UserError(
      f'data.size={size}: the networks need a multiple of {multiple}; pass '
      f'--set data.size={upper}'
    )


def check_finite(step: int, values: dict[str, float], engine: Any) -> None:
  """Raise Diverged, naming step and pictures, if a metric is not finite."""
  bad = [name for name, value in values.items() if not np.isfinite(value)]
  if bad:
    names = ', '.join(map(str, engine.names(step - 1)[:4]))
    raise Diverged(
      f'step {step}: {bad[0]} is {values[bad[0]]} ({len(bad)} of '
      f'{len(values)} metrics are not finite), with the pictures {names}; '
      'the checkpoints before it are intact; try a lower learning rate'
    )


def transfer(state: core.State, donor: core.State) -> core.State:
  """Return the state with the networks of another, all else as it was.

  Raises:
    core.UserError: naming the first parameter that does not fit.
  """

  def take(path, new, old):
    if not isinstance(new, Trainable):
      return new
    where = jax.tree_util.keystr(path).lstrip('.')
    _check_same_shapes(where, new.params, old.params)
    return new.replace(params=old.params, collections=old.collections)

  try:
    return jax.tree_util.tree_map_with_path(
      take, state, donor, is_leaf=lambda x: isinstance(x, Trainable)
    )
  except core.UserError:
    raise
  except (ValueError, AttributeError) as error:
    raise core.UserError(
      f'--init_from: that run trained another kind of model ({error})'
    ) from None


def _check_same_shapes(where: str, new: core.PyTree, old: core.PyTree) -> None:
  news = dict(jax.tree_util.tree_leaves_with_path(new))
  olds = dict(jax.tree_util.tree_leaves_with_path(old))
  for path in news.keys() | olds.keys():
    found = [x[path].shape if path in x else 'missing' for x in (news, olds)]
    if found[0] != found[1]:
      raise core.UserError(
        f'--init_from: {where}{jax.tree_util.keystr(path)} is {found[0]} here '
        f'and {found[1]} in that run; give the networks the same fields'
      )
