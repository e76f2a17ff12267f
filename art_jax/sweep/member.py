"""One cell of a program: its run folder, and what a run does after a step."""

import contextlib
import dataclasses
from typing import Any

import jax

from art_jax import core, finite, shapes, sharding
from art_jax.checkpoint import Checkpoints, Restored
from art_jax.data import pipeline
from art_jax.data.dataset import Dataset
from art_jax.goodput import Goodput
from art_jax.health import Health
from art_jax.probe import Probe
from art_jax.report.refresh import Refresher
from art_jax.run_folder import RunFolder
from art_jax.run_lock import RunLock
from art_jax.timing import Clocks
from art_jax.writer import Writer


@dataclasses.dataclass(frozen=True, eq=False)
class Shared:
  """What the cells of a program have in common."""

  dataset: Dataset
  devices: sharding.Devices
  measure: Probe | None
  clocks: Clocks
  command: str


@dataclasses.dataclass(eq=False)
class Member:
  """What one cell of a group writes to.

  Attributes:
    name: of the cell.
    experiment: durations in steps.
    ended: (status, reason) once it takes part no more.
    looked: the last step whose metrics were looked at.
  """

  name: str
  experiment: core.Experiment
  folder: RunFolder
  lock: RunLock
  checkpoints: Checkpoints
  writer: Writer
  times: Goodput
  report: Refresher
  engine: Any
  health: Health
  ended: tuple[str, str] | None = None
  looked: int = 0


def open_member(
  stack: contextlib.ExitStack,
  name: str,
  whole: core.Experiment,
  resolved: core.Experiment,
  path: Any,
  shared: Shared,
) -> tuple[Member, Restored | None]:
  """Open the folder of a cell; return it with what its checkpoint holds.

  Args:
    stack: closes what is opened.
    name: of the cell.
    whole: durations in any unit.
    resolved: the same in steps.
    path: of the folder.
    shared: with the other cells.
  """
  dataset, devices = shared.dataset, shared.devices
  folder = RunFolder(path, writable=True)
  report = stack.enter_context(Refresher(folder.path, enabled=True))
  lock = stack.enter_context(RunLock(folder.path, enabled=True))
  folder.check_config(whole)
  with lock.writing(0):
    folder.begin(whole, resolved, dataset, devices, shared.command)
  plan = resolved.train
  checkpoints = stack.enter_context(
    Checkpoints(
      folder.checkpoints, keep_last=plan.keep_last, keep_every=plan.keep_every
    )
  )
  writer = stack.enter_context(Writer(folder.path, enabled=True))
  times = stack.enter_context(Goodput(folder.path, shared.clocks, enabled=True))
  restored = checkpoints.restore(shapes.state_shapes(resolved))
  first = restored.step if restored else 0
  engine = pipeline.open_engine(
    dataset,
    resolved.data,
    rows_per_step=rows_of(resolved),
    seed=plan.seed,
    placer=devices,
    last_step=plan.duration,
  )
  with lock.writing(first):
    writer.cut(first)
    host = restored.host if restored else {}
    health = Health(resolved, shared.measure, writer, dataset.class_names, host)
  member = Member(
    *(name, resolved, folder, lock, checkpoints, writer, times, report, engine),
    health,
  )
  return member, restored


def keys_of(member: Member) -> jax.Array:
  """Return the keys of the first state, of the steps, of the pictures."""
  return jax.random.split(jax.random.key(member.experiment.train.seed), 3)


def rows_of(experiment: core.Experiment) -> int:
  """Return the examples of one step."""
  each = core.batches_per_step(experiment.algorithm)
  return experiment.train.batch_size * each


def note(
  member, step, state, values, save, rendered, render, heldout, clocks, progress
) -> None:
  """Log, watch, draw and save one cell, as the loop of a run does.

  Raises:
    Diverged: a number is not finite.
  """
  with clocks.of('probe'):
    row = values | member.health.measure(step, state)
  with clocks.of('log'), member.lock.writing(step):
    member.writer.scalars(step, row)
  with clocks.of('alarms'), member.lock.writing(step):
    alarm = member.health.look(
      step, row, lambda text: progress.say(f'{member.name}: {text}')
    )
    member.times.note(step)
  names = member.engine.names(step - 1)
  finite.check_metrics(step, member.looked, values, state, names)
  member.looked = step
  save |= member.health.improved(step, row) or alarm is not None
  if rendered:
    with clocks.of('render'), member.lock.writing(step):
      key = keys_of(member)[2]
      pictures = jax.device_get(render(state, heldout, key))
      member.writer.images(step, pictures)
  if member.health.evaluates(step):
    with clocks.of('probe'), member.lock.writing(step):
      member.writer.images(step, member.health.pictures(state))
  if save:
    with clocks.of('checkpoint'), member.lock.writing(step):
      finite.check_state(step, state, names)
      best = member.health.best
      host = {
        'seed': member.experiment.train.seed,
        'rollbacks': 0,
        **member.health.host(),
      }
      member.checkpoints.save(
        step, state, host, keep=[best.step] if best else []
      )
    with clocks.of('plot'):
      member.writer.plot()
      member.report.refresh()
  if alarm is not None:
    member.ended = 'stopped', alarm
