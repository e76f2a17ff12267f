"""What a training keeps of a step: a row, pictures, a checkpoint."""

from collections.abc import Callable

import jax

from art_jax import core
from art_jax.monitoring.health import Health
from art_jax.training import nan_guard
from art_jax.training.progress import Progress
from art_jax.training.session import Job


class Bookkeeper:
  """Keeps what is due, step after step."""

  def __init__(
    self,
    job: Job,
    health: Health,
    progress: Progress,
    names: Callable[[int], list[str]],
    *,
    render: Callable[[core.State], core.Images],
    first: int,
    rollbacks: int,
  ):
    """Begin.

    Args:
      job: the training.
      health: its alarms and its best moment.
      progress: shows the metrics.
      names: number of steps before -> what the examples of a step are called.
      render: makes the pictures of a state.
      first: step that the training goes on from.
      rollbacks: how often it went back.
    """
    self._job, self._health, self._progress = job, health, progress
    self._names, self._render = names, render
    self._rollbacks = rollbacks
    self._looked = first  # The last step whose metrics were looked at.

  def keep(
    self,
    step: int,
    state: core.State,
    metrics: core.Metrics,
    *,
    stopping: bool = False,
  ) -> str | None:
    """Write what is due after a step.

    Args:
      step: number of steps taken.
      state: after it.
      metrics: of it, on the devices.
      stopping: it is the last one of this start.

    Returns:
      What rings, if the training is to end for it.

    Raises:
      core.Diverged: a number is not finite.
      core.StorageError: the folder can no longer be written.
    """
    plan, clocks = self._job.experiment.train, self._job.clocks
    last = stopping or step == plan.duration
    save = last or step % plan.checkpoint_every == 0
    render = last or step == 1 or step % plan.render_every == 0
    log = step == 1 or step % plan.log_every == 0 or self._health.due(step)
    alarm = None
    if save or render or log:
      alarm, improved = self._log(step, state, metrics)
      save |= improved or alarm is not None
    if render:
      with clocks.of('render'), self._job.lock.writing(step):
        self._job.writer.images(step, jax.device_get(self._render(state)))
    if self._health.evaluates(step):
      with clocks.of('probe'), self._job.lock.writing(step):
        self._job.writer.images(step, self._health.pictures(state))
    if save:
      self._save(step, state)
    if save or render:
      with clocks.of('plot'):
        self._job.writer.plot()
        self._job.report.refresh()
    self._progress.advance(step)
    return alarm

  def _log(self, step, state, metrics) -> tuple[str | None, bool]:
    """Write a row; return what rings, and whether this is the best moment."""
    job, clocks, health = self._job, self._job.clocks, self._health
    with clocks.of('step'):
      values = {k: float(v) for k, v in jax.device_get(metrics).items()}
    with clocks.of('probe'):
      row = values | health.measure(step, state)
    with clocks.of('log'), job.lock.writing(step):
      job.writer.scalars(step, row)
      self._progress.show(step, values)
    with clocks.of('alarms'), job.lock.writing(step):
      alarm = health.look(step, row, self._progress.say)
      job.times.note(step)
    names = self._names(step - 1)
    nan_guard.check_metrics(step, self._looked, values, state, names)
    self._looked = step
    return alarm, health.improved(step, row)

  def _save(self, step, state) -> None:
    job, best = self._job, self._health.best
    with job.clocks.of('checkpoint'), job.lock.writing(step):
      nan_guard.check_state(step, state, self._names(step - 1))
      seed = job.experiment.train.seed
      host = {'seed': seed, 'rollbacks': self._rollbacks, **self._health.host()}
      keep = [best.step] if best else []
      job.checkpoints.save(step, state, host, keep=keep)
