"""What alarms cost a training: seconds of a step, of a probe, of a look.

  python -m tools.benchmarks.alarm_cost dcgan_paintings cyclegan_demo

Times are of the processor, not of the clock, so that they hold on a machine
that does other things too; on an accelerator read `seconds/probe` and
`seconds/alarms` of a run's summary.json instead.
"""

import sys
import time

import jax
import numpy as np

from art_jax import core
from art_jax.config import experiments, shapes
from art_jax.data import pipeline
from art_jax.devices import mesh
from art_jax.monitoring import probe
from art_jax.monitoring.alarms import watch
from art_jax.training import loop

_STEPS, _PROBES = 3, 3


def spent(run) -> float:
  """Return the processor seconds of a call."""
  begin = time.process_time()
  jax.block_until_ready(run())
  return time.process_time() - begin


def measure(name: str) -> None:
  """Print the cost of the alarms of one experiment."""
  experiment = experiments.load(name)
  data = experiment.data.source.open(experiment.data)
  experiment = experiments.resolve(experiment, data.num_examples)
  plan, devices = experiment.train, mesh.make_devices(1)
  rows = plan.batch_size * core.batches_per_step(experiment.algorithm)
  engine = pipeline.open_engine(
    data, experiment.data, rows_per_step=rows, seed=0, placer=devices
  )
  key = devices.replicate(jax.random.key(0))
  state = devices.compile_init(shapes.initializer(experiment))(key)
  take = devices.compile_step(loop.training_step(experiment.algorithm, engine))
  inputs = engine.inputs(0)
  step = []
  for index in range(_STEPS + 1):

    def one(index=index):
      nonlocal state
      state, metrics = take(
        state, engine.constants, next(inputs), key, np.int32(index)
      )
      return metrics

    step.append(spent(one))
  opened = probe.open_probe(experiment, data, devices)
  found = opened.measure(state)  # compiles
  probed = [spent(lambda: opened.measure(state)) for _ in range(_PROBES)]
  looks = watch.Watch(experiment)
  row = {'loss/generator': 1.0, 'loss/discriminator': 1.0, **found}
  look = spent(lambda: looks.replay([{'step': i, **row} for i in range(500)]))
  step_s, probe_s = np.median(step[1:]), np.median(probed)
  logged = look / 500 / plan.log_every
  share = (probe_s / plan.render_every + logged) / step_s
  print(
    f'{name}: step {step_s:.3f} s, probe {probe_s:.3f} s every '
    f'{plan.render_every} steps, look {look / 500 * 1e3:.2f} ms every '
    f'{plan.log_every}: {share:.2%} of the training'
  )


if __name__ == '__main__':
  for experiment_name in sys.argv[1:]:
    measure(experiment_name)
