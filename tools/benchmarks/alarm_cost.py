"""Times what alarms cost a training run: a step, a probe, a check of a row.

  python -m tools.benchmarks.alarm_cost dcgan_paintings cyclegan_demo

Times are of the processor, not of the clock, so that they hold on a machine
that does other things too; on an accelerator read `seconds/probe` and
`seconds/alarms` of a run's summary.json instead.
"""

import functools
import time

import jax

from art_jax.config import experiments, shapes
from art_jax.devices import mesh
from art_jax.monitoring import probe
from art_jax.monitoring.alarms import watch
from art_jax.profiling.step_timer import Stepper
from tools import command
from tools.benchmarks import timing

_STEPS, _PROBES, _ROWS = 3, 3, 500
_median = functools.partial(timing.median, clock=time.process_time)


def main(experiment: tuple[str, ...]) -> None:
  """Print the cost of the alarms of each experiment.

  Args:
    experiment: names.
  """
  devices = mesh.make_devices(1)
  for name in experiment:
    stepper = Stepper(experiments.load(name), devices)
    chosen, plan = stepper.experiment, stepper.experiment.train
    stepper.take(1)
    step_s = _median(functools.partial(stepper.take, 1), _STEPS)
    data = chosen.data.source.open(chosen.data)
    state = devices.compile_init(shapes.initializer(chosen))(
      devices.replicate(jax.random.key(0))
    )
    probed = functools.partial(
      probe.open_probe(chosen, data, devices).measure, state
    )
    metrics = probed()  # compiles
    probe_s = _median(probed, _PROBES)
    row = {'loss/generator': 1.0, 'loss/discriminator': 1.0, **metrics}
    rows = [{'step': i, **row} for i in range(_ROWS)]
    replay = functools.partial(watch.Watch(chosen).replay, rows)
    check_s = _median(replay, 1) / _ROWS
    share = (probe_s / plan.render_every + check_s / plan.log_every) / step_s
    print(
      f'{name}: step {step_s:.3f} s, probe {probe_s:.3f} s every '
      f'{plan.render_every} steps, check {check_s * 1e3:.2f} ms every '
      f'{plan.log_every}: {share:.2%} of the run'
    )


if __name__ == '__main__':
  command.run(main)
