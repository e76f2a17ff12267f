"""What a run works with, from its first step to its last."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Mapping

from art_jax import core
from art_jax.data.dataset import Dataset
from art_jax.devices import distributed, mesh
from art_jax.monitoring.probe import Probe
from art_jax.report.refresh import Refresher
from art_jax.runs import data_history, metrics_log, start_record
from art_jax.runs.checkpoints import Checkpoints, Restored
from art_jax.runs.folder import RunFolder
from art_jax.runs.lock import RunLock
from art_jax.runs.trackers.feed import Feed
from art_jax.runs.trackers.protocol import Tracker
from art_jax.training import goodput, preemption
from art_jax.training.schedule import Schedule


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Shared:
  """What runs that are trained by one program have in common.

  Attributes:
    dataset: their data.
    devices: where they are trained.
    probe: measures samples for the alarms; None: nobody would read it.
    stop: set once a signal asks to stop.
    clocks: of this start.
    command: noted in run.json.
    donor: returns the state whose networks a fresh run begins with; or None.
    trackers: that are told of the run, by name.
    guard: called with the name of the run folder before it is written;
      raises if the run is no longer this process's.
  """

  dataset: Dataset
  devices: mesh.Devices
  probe: Probe | None
  stop: preemption.StopRequest
  clocks: goodput.Clocks
  command: str = ''
  donor: Callable[[], core.State] | None = None
  trackers: Mapping[str, type[Tracker]] = dataclasses.field(
    default_factory=dict
  )
  guard: Callable[[str], object] = lambda name: None


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Session(Shared):
  """What stays as it is when a run goes back to a checkpoint.

  Attributes:
    experiment: what is trained; durations in steps.
    folder: of the run.
    report: the page of the run.
    lock: of the folder.
    checkpoints: of the run.
    writer: of metrics and pictures.
    times: of all starts.
  """

  experiment: core.Experiment
  folder: RunFolder
  report: Refresher
  lock: RunLock
  checkpoints: Checkpoints
  writer: metrics_log.Writer
  times: goodput.Goodput

  @property
  def duration(self) -> int:
    """Steps of the whole run."""
    return core.in_steps(self.experiment.train.duration)

  def finish(self, first: int, **more: float) -> dict[str, float]:
    """Return rates since step `first`; write them, and more, if there are."""
    steps = max(0, self.duration - first)
    summary = self.clocks.summary(steps, self.experiment.rows_per_step)
    summary |= self.times.summary()
    if steps > 0:
      with self.lock.writing(self.duration):
        self.folder.finish({**summary, **more})
    return summary

  @property
  def schedule(self) -> Schedule:
    """What is due when."""
    return Schedule(self.experiment.train, self.probe is not None)


def lock_folder(
  stack: contextlib.ExitStack,
  path: str | pathlib.Path,
  experiment: core.Experiment,
) -> tuple[RunFolder, Refresher, RunLock]:
  """Take a run folder for this process; return it, its report and its lock.

  Raises:
    core.UserError: another trainer has it, or it holds another experiment.
  """
  main = distributed.is_main()
  folder = RunFolder(path, writable=main)
  # The outermost: its last report tells what all others have written.
  report = stack.enter_context(Refresher(folder.path, enabled=main))
  lock = stack.enter_context(RunLock(folder.path, enabled=main))
  folder.check_config(experiment)
  return folder, report, lock


def open_session(
  stack: contextlib.ExitStack,
  shared: Shared,
  given: core.Experiment,
  experiment: core.Experiment,
  state_shapes: core.State,
  folder: RunFolder,
  report: Refresher,
  lock: RunLock,
) -> tuple[Session, Restored | None]:
  """Open the files of a run folder, read its checkpoint, and note this start.

  Args:
    stack: closes them.
    shared: with the runs that the same program trains.
    given: the experiment with durations in any unit.
    experiment: the same in steps.
    state_shapes: of the state that a checkpoint is to hold.
    folder, report, lock: see `lock_folder`.

  Raises:
    core.UserError: the run may not be continued with these data, or its
      checkpoints are damaged.
  """
  main, plan, clocks = distributed.is_main(), experiment.train, shared.clocks
  checkpoints = stack.enter_context(
    Checkpoints(
      folder.checkpoints,
      keep_last=plan.keep_last,
      keep_every=core.in_steps(plan.keep_every),
    )
  )
  restored = checkpoints.restore(state_shapes)
  past = data_history.check(folder, restored, shared.dataset, given)
  with lock.writing(0):
    if restored is None or restored.step < core.in_steps(plan.duration):
      folder.go_on()
    data_history.note(folder, shared.dataset.fingerprint)
    start_record.write_start(
      folder,
      given,
      experiment,
      shared.devices,
      shared.command,
      data={**start_record.describe_data(shared.dataset), 'changes': past},
      examples=lambda: start_record.training_pictures(shared.dataset),
    )
  feed = None
  if main and shared.trackers:
    feed = Feed(shared.trackers, folder.path, given)
  run = Session(
    **vars(shared),
    experiment=experiment,
    folder=folder,
    report=report,
    lock=lock,
    checkpoints=checkpoints,
    writer=stack.enter_context(
      metrics_log.Writer(folder.path, enabled=main, feed=feed)
    ),
    times=stack.enter_context(
      goodput.Goodput(folder.path, clocks, enabled=main)
    ),
  )
  return run, restored
