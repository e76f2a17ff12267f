"""Times what alarms cost a training run: a step, a probe, a check of a row.

  python -m tools.benchmarks.alarm_cost dcgan_paintings cyclegan_demo

Times are of the processor, not of the clock, so that they hold on a machine
that does other things too; on an accelerator read `seconds/probe` and
`seconds/alarms` of a run's summary.json instead.
"""

import functools
import time

import jax
import numpy as np

from art_jax.config import experiments, shapes
from art_jax.devices import mesh
from art_jax.monitoring import probe
from art_jax.monitoring.alarms import watch
from art_jax.profiling.step_timer import Stepper
from tools import command
from tools.benchmarks import timing

_STEPS, _PROBES, _ROWS = 3, 3, 500
_spent = functools.partial(timing.seconds, clock=time.process_time)


def measure(name: str) -> None:
  """Print the cost of the alarms of one experiment."""
  devices = mesh.make_devices(1)
  stepper = Stepper(experiments.load(name), devices)
  experiment = stepper.experiment
  steps = [_spent(lambda: stepper.take(1)) for _ in range(_STEPS + 1)]
  data = experiment.data.source.open(experiment.data)
  key = devices.replicate(jax.random.key(0))
  state = devices.compile_init(shapes.initializer(experiment))(key)
  opened = probe.open_probe(experiment, data, devices)
  metrics = opened.measure(state)  # compiles
  probed = [_spent(lambda: opened.measure(state)) for _ in range(_PROBES)]
  alarms = watch.Watch(experiment)
  row = {'loss/generator': 1.0, 'loss/discriminator': 1.0, **metrics}
  rows = [{'step': i, **row} for i in range(_ROWS)]
  check_s = _spent(lambda: alarms.replay(rows)) / _ROWS
  step_s, probe_s = np.median(steps[1:]), np.median(probed)
  plan = experiment.train
  share = (probe_s / plan.render_every + check_s / plan.log_every) / step_s
  print(
    f'{name}: step {step_s:.3f} s, probe {probe_s:.3f} s every '
    f'{plan.render_every} steps, check {check_s * 1e3:.2f} ms every '
    f'{plan.log_every}: {share:.2%} of the run'
  )


def main(experiment: tuple[str, ...]) -> None:
  """Print a line for each experiment.

  Args:
    experiment: names.
  """
  for name in experiment:
    measure(name)


if __name__ == '__main__':
  command.run(main)
