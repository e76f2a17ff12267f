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
from art_jax.monitoring.health import Health
from art_jax.monitoring.probe import Probe
from art_jax.runs.checkpoints import Restored
from art_jax.runs.folder import RunFolder
from art_jax.training import session
from art_jax.training.hooks import Hooks
from art_jax.training.preemption import StopRequest
from art_jax.training.progress import Progress
from art_jax.training.session import Session
from art_jax.training.timing import Clocks


@dataclasses.dataclass(frozen=True, eq=False)
class Shared:
  """What the cells of a program have in common."""

  dataset: Dataset
  devices: mesh.Devices
  probe: Probe | None
  clocks: Clocks
  stop: StopRequest
  command: str


@dataclasses.dataclass(eq=False)
class Member:
  """What one cell of a group works with.

  Attributes:
    name: of the cell.
    run: what its training works with.
    engine: of its data.
    health: its alarms and its best step.
    hooks: writes what is due; None before the first step.
    ended: (status, reason) once it takes part no more.
  """

  name: str
  run: Session
  engine: Any
  health: Health
  hooks: Hooks | None = None
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
  dataset, plan = shared.dataset, resolved.train
  folder = RunFolder(path, writable=True)
  report, lock = session.lock_folder(stack, folder, whole)
  run = session.open_session(
    stack,
    whole,
    resolved,
    dataset=dataset,
    devices=shared.devices,
    probe=shared.probe,
    stop=shared.stop,
    clocks=shared.clocks,
    folder=folder,
    report=report,
    lock=lock,
    command=shared.command,
  )
  restored = run.checkpoints.restore(shapes.state_shapes(resolved))
  engine = pipeline.open_engine(
    dataset,
    resolved.data,
    rows_per_step=run.rows,
    seed=plan.seed,
    placer=shared.devices,
    last_step=plan.duration,
  )
  first = restored.step if restored else 0
  with lock.writing(first):
    run.writer.cut(first)
    host = restored.host if restored else {}
    health = Health(resolved, run.probe, run.writer, dataset.class_names, host)
  return Member(name, run, engine, health), restored


def keys_of(member: Member) -> jax.Array:
  """Return the keys of the first state, of the steps, of the pictures."""
  seed = member.run.experiment.train.seed
  return jax.random.split(jax.random.key(seed), 3)
