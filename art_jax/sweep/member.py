"""One cell of a program: its run folder, and what a run does after a step."""

import contextlib
import dataclasses
from typing import Any

import jax

from art_jax import core
from art_jax.config import shapes
from art_jax.data import pipeline
from art_jax.data.dataset import Dataset
from art_jax.devices import mesh
from art_jax.monitoring import probe
from art_jax.monitoring.health import Health
from art_jax.report.refresh import Refresher
from art_jax.runs.checkpoints import Checkpoints, Restored
from art_jax.runs.folder import RunFolder
from art_jax.runs.lock import RunLock
from art_jax.runs.metrics_log import Writer
from art_jax.runs.start_record import (
  describe_data,
  training_pictures,
  write_start,
)
from art_jax.training.goodput import Goodput
from art_jax.training.hooks import Bookkeeper
from art_jax.training.preemption import StopRequest
from art_jax.training.progress import Progress
from art_jax.training.session import Job
from art_jax.training.timing import Clocks


@dataclasses.dataclass(frozen=True, eq=False)
class Shared:
  """What the cells of a program have in common."""

  dataset: Dataset
  devices: mesh.Devices
  measure: probe.Probe | None
  clocks: Clocks
  stop: StopRequest
  command: str


@dataclasses.dataclass(eq=False)
class Member:
  """What one cell of a group works with.

  Attributes:
    name: of the cell.
    folder: of its run.
    job: what its training works with.
    engine: of its data.
    health: its alarms and its best moment.
    books: keeps what is due; None before the first step.
    ended: (status, reason) once it takes part no more.
  """

  name: str
  folder: RunFolder
  job: Job
  engine: Any
  health: Health
  books: Bookkeeper | None = None
  ended: tuple[str, str] | None = None


class Voice:
  """The progress of a program as one of its cells uses it."""

  def __init__(self, name: str, progress: Progress, shows: bool):
    self._name, self._progress, self._shows = name, progress, shows

  def say(self, text: str) -> None:
    """Write a line that names the cell."""
    self._progress.say(f'{self._name}: {text}')

  def show(self, step: int, values: dict[str, float]) -> None:
    """Show the losses, if this is the cell whose losses are shown."""
    if self._shows:
      self._progress.show(step, values)

  def advance(self, step: int) -> None:
    """Leave that to the program."""


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
  dataset, devices, plan = shared.dataset, shared.devices, resolved.train
  folder = RunFolder(path, writable=True)
  report = stack.enter_context(Refresher(folder.path, enabled=True))
  lock = stack.enter_context(RunLock(folder.path, enabled=True))
  folder.check_config(whole)
  with lock.writing(0):
    write_start(
      folder,
      whole,
      resolved,
      devices,
      shared.command,
      data=describe_data(dataset),
      examples=lambda: training_pictures(dataset),
    )
  kept = {'keep_last': plan.keep_last, 'keep_every': plan.keep_every}
  checkpoints = stack.enter_context(Checkpoints(folder.checkpoints, **kept))
  writer = stack.enter_context(Writer(folder.path, enabled=True))
  times = stack.enter_context(Goodput(folder.path, shared.clocks, enabled=True))
  restored = checkpoints.restore(shapes.state_shapes(resolved))
  engine = pipeline.open_engine(
    dataset,
    resolved.data,
    rows_per_step=rows_of(resolved),
    seed=plan.seed,
    placer=devices,
    last_step=plan.duration,
  )
  first = restored.step if restored else 0
  with lock.writing(first):
    writer.cut(first)
    host = restored.host if restored else {}
    health = Health(resolved, shared.measure, writer, dataset.class_names, host)
  job = Job(
    *(resolved, dataset, devices, None, lock, checkpoints, writer),
    *(shared.stop, shared.clocks, times, shared.measure, report),
  )
  return Member(name, folder, job, engine, health), restored


def keys_of(member: Member) -> jax.Array:
  """Return the keys of the first state, of the steps, of the pictures."""
  seed = member.job.experiment.train.seed
  return jax.random.split(jax.random.key(seed), 3)


def rows_of(experiment: core.Experiment) -> int:
  """Return the examples of one step."""
  each = core.batches_per_step(experiment.algorithm)
  return experiment.train.batch_size * each


def due(member: Member, step: int, stopping: bool) -> bool:
  """Tell whether anything is kept of a step; else its state is not needed."""
  plan, health = member.job.experiment.train, member.health
  every = plan.log_every, plan.render_every, plan.checkpoint_every
  last = stopping or step in (1, plan.duration)
  return (
    last
    or any(step % n == 0 for n in every)
    or health.due(step)
    or health.evaluates(step)
  )
