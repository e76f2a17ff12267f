"""What a training works with, from its first step to its last."""

import dataclasses

from art_jax import core
from art_jax.data.dataset import Dataset
from art_jax.devices import mesh
from art_jax.monitoring import probe
from art_jax.report.refresh import Refresher
from art_jax.runs.checkpoints import Checkpoints
from art_jax.runs.lock import RunLock
from art_jax.runs.metrics_log import Writer
from art_jax.training.goodput import Goodput
from art_jax.training.preemption import StopRequest
from art_jax.training.timing import Clocks


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
  """What stays as it is when a run goes back to a checkpoint.

  Attributes:
    experiment: what is trained; durations in steps.
    dataset: its data.
    devices: where it is trained.
    donor: state whose networks a fresh run begins with, or None.
    lock: of the run folder.
    checkpoints: of the run.
    writer: of metrics and pictures.
    stop: whether somebody asked to stop.
    clocks: of this start.
    times: of all starts.
    measure: measures samples for the alarms; None: nobody would read it.
    report: the page of the run.
  """

  experiment: core.Experiment
  dataset: Dataset
  devices: mesh.Devices
  donor: core.State | None
  lock: RunLock
  checkpoints: Checkpoints
  writer: Writer
  stop: StopRequest
  clocks: Clocks
  times: Goodput
  measure: probe.Probe | None
  report: Refresher
