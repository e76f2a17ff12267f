"""What is due after a step: one pure function of the config.

The training loop, calls of several steps and the cells of a sweep all read it,
so that they agree.
"""

import dataclasses

from art_jax import core


@dataclasses.dataclass(frozen=True, kw_only=True)
class Due:
  """What is due after a step.

  Attributes:
    log: a row of metrics.jsonl; whenever anything else is due, too.
    render: an image grid.
    checkpoint: a checkpoint.
    measure: the probe measures samples for the row.
    evaluate: the state is compared with the best so far.
  """

  log: bool
  render: bool
  checkpoint: bool
  measure: bool
  evaluate: bool


@dataclasses.dataclass(frozen=True)
class Schedule:
  """When what is due in a run.

  Attributes:
    train: intervals and duration, in steps.
    measures: the run has a probe.
  """

  train: core.Train
  measures: bool = False

  @property
  def duration(self) -> int:
    """The step that the run ends with."""
    return core.in_steps(self.train.duration)

  def due(self, step: int, *, stopping: bool = False) -> Due:
    """Return what is due after a step.

    Args:
      step: number of steps taken, in [1, duration].
      stopping: the run stops after it, so what a run ends with is due as well.
    """
    plan, last = self.train, step == self.duration

    def every(interval: core.Duration) -> bool:
      steps = core.in_steps(interval)
      return steps > 0 and step % steps == 0

    rendered = step == 1 or every(plan.render_every)
    saved = last or every(plan.checkpoint_every) or every(plan.keep_every)
    compared = every(plan.evaluate_every) if plan.evaluate_every else saved
    evaluate = plan.best_metric != 'none' and (last or compared)
    watched = rendered and plan.on_alarm != 'off'
    measure = self.measures and (evaluate or watched)
    render = last or stopping or rendered
    checkpoint = saved or stopping
    logged = step == 1 or every(plan.log_every)
    log = logged or render or checkpoint or measure
    return Due(
      log=log,
      render=render,
      checkpoint=checkpoint,
      measure=measure,
      evaluate=evaluate and log,
    )

  def next(self, step: int) -> int:
    """Return the first step after `step`, in [0, duration), with a row."""
    if step == 0:
      return 1
    plan = self.train
    intervals = [plan.log_every, plan.render_every, plan.checkpoint_every]
    if self.measures and plan.evaluate_every and plan.best_metric != 'none':
      intervals.append(plan.evaluate_every)
    if plan.keep_every:
      intervals.append(plan.keep_every)
    every = map(core.in_steps, intervals)
    return min(self.duration, *(step - step % n + n for n in every))
