"""What happens after a step: rows, alarms, pictures, checkpoints."""

from collections.abc import Callable, Mapping

import jax

from art_jax import core
from art_jax.training import input_advice, nan_guard, start
from art_jax.training.session import Session


class Hooks:
  """Writes what is due, step after step."""

  def __init__(
    self,
    session: Session,
    begun: start.Begun,
    *,
    say: Callable[[str], None],
    show: Callable[[int, Mapping[str, float]], None],
    rollbacks: int = 0,
  ):
    """Begin.

    Args:
      session: of the run.
      begun: the run at the step that it goes on from.
      say: shows a line.
      show: shows the metrics of a step.
      rollbacks: number of times that it went back to a checkpoint.
    """
    self._session, self._health = session, begun.health
    self._names, self._render = begun.engine.names, begun.render
    self._say, self._show, self._rollbacks = say, show, rollbacks
    self._schedule = session.schedule
    self._checked = begun.first  # The last step whose metrics were checked.
    data = session.experiment.data
    self._advise = input_advice.helps(data, session.dataset, begun.engine)
    self._since: Mapping[str, float] = {}  # Times at the first row.

  def after_step(
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
      Why the run is to end, if an alarm that ends it fires.

    Raises:
      core.Diverged: a number is not finite.
      core.StorageError: the folder can no longer be written.
    """
    run, due = self._session, self._schedule.due(step, stopping=stopping)
    alarm, save = None, due.checkpoint
    if due.log:
      run.guard(run.folder.path.name)
      row = self._measured(step, due, state, metrics)
      self._health.require_metric(row)  # before there are steps to lose
      alarm = self._log(step, row)
      improved = due.evaluate and self._health.improved(step, row)
      save = save or improved or alarm is not None
    if due.render:
      with run.clocks.of('render'), run.lock.writing(step):
        run.writer.images(step, jax.device_get(self._render(state)))
    if due.evaluate:
      with run.clocks.of('probe'), run.lock.writing(step):
        run.writer.images(step, self._health.pictures(state))
    if save:
      self._save(step, state)
    if save or due.render:
      with run.clocks.of('plot'):
        run.writer.plot()
        run.report.refresh()
    return alarm

  def _measured(self, step, due, state, metrics) -> Mapping[str, float]:
    """Return a row, once its metrics are known to be finite."""
    clocks = self._session.clocks
    with clocks.of('step'):
      row = {k: float(v) for k, v in jax.device_get(metrics).items()}
    try:
      nan_guard.check_metrics(
        step, self._checked, row, state, self._names(step - 1)
      )
    except core.Diverged:
      self._log(step, row)  # The alarm says what to try; the run ends anyway.
      raise
    self._checked = step
    if due.measure:
      with clocks.of('probe'):
        row |= self._health.measure(state)
    return row

  def _log(self, step: int, row: Mapping[str, float]) -> str | None:
    """Write a row; return why the run is to end, if an alarm ends it."""
    run = self._session
    with run.clocks.of('log'), run.lock.writing(step):
      run.writer.scalars(step, row)
      self._show(step, row)
    self._advise_on_input()
    with run.clocks.of('alarms'), run.lock.writing(step):
      alarm = self._health.check_alarms(step, row, self._say)
      run.times.note(step)
    return alarm

  def _advise_on_input(self) -> None:
    """Say once that the device waits for pictures, if it does."""
    seconds = self._session.clocks.seconds
    self._since = self._since or dict(seconds)
    if self._advise:
      text = input_advice.sentence(seconds, self._since)
      if text:
        self._say(text)
        self._advise = False

  def _save(self, step: int, state: core.State) -> None:
    run, best = self._session, self._health.best
    with run.clocks.of('checkpoint'), run.lock.writing(step):
      nan_guard.check_state(step, state, self._names(step - 1))
      host = {
        'seed': run.experiment.train.seed,
        'rollbacks': self._rollbacks,
        'data': run.dataset.fingerprint.summary(),
        **self._health.host(),
      }
      run.checkpoints.save(step, state, host, keep=[best.step] if best else [])
