"""What a run begins with: checks, data, and its first state."""

import sys

import jax
import numpy as np

from art_jax import core
from art_jax.config import experiments, shapes
from art_jax.data import paintings, pipeline
from art_jax.data.dataset import Dataset
from art_jax.data.fit import check_fit
from art_jax.devices import distributed, mesh
from art_jax.monitoring import probe
from art_jax.runs.checkpoints import Restored
from art_jax.training import multi_step
from art_jax.training.session import Session
from art_jax.training.timing import Clocks
from art_jax.training.warm_start import transfer


def check_before_data(
  experiment: core.Experiment, devices: mesh.Devices
) -> None:
  """Raise a UserError for what can be seen to be wrong without the data."""
  train, algorithm = experiment.train, experiment.algorithm
  if isinstance(algorithm, core.PaintsOnePicture):
    raise core.UserError(
      f'{type(algorithm).__name__} does not learn from a set of pictures: it '
      'paints one; use art_jax stylize, with --content, --style and --output'
    )
  mesh.require_batch_divides(devices, train.batch_size, train.accumulate)
  size, multiple = experiment.data.size, core.size_multiple(algorithm)
  if size % multiple:
    upper = size - size % multiple + multiple
    raise core.UserError(
      f'data.size={size}: the networks need a multiple of {multiple}; pass '
      f'--set data.size={upper}'
    )


def open_data(
  experiment: core.Experiment, devices: mesh.Devices, clocks: Clocks
) -> tuple[core.Experiment, Dataset, probe.Probe | None]:
  """Return the experiment in steps, its data, and its probe if it is read."""
  with clocks.of('data'):
    dataset = experiment.data.source.open(experiment.data)
    check_fit(dataset, experiment.algorithm)
    if distributed.is_main():
      print(dataset.summary, file=sys.stderr, flush=True)
    resolved = experiments.resolve(experiment, dataset.num_examples)
  plan = resolved.train
  if plan.on_alarm == 'off' and plan.best_metric == 'none':
    return resolved, dataset, None
  with clocks.of('probe'):
    return resolved, dataset, probe.open_probe(resolved, dataset, devices)


def open_input(
  run: Session, seed: int
) -> tuple[pipeline.Engine, dict[str, jax.Array]]:
  """Return what gives the batches of a run, and the held-out batch.

  Args:
    run: that is trained.
    seed: of the data order.
  """
  data, plan = run.experiment.data, run.experiment.train
  with run.clocks.of('data'):
    engine = pipeline.open_engine(
      run.dataset,
      data,
      rows_per_step=run.rows,
      seed=seed,
      placer=run.devices,
      last_step=run.duration,
    )
    heldout = pipeline.heldout_batch(run.dataset, data, plan.render_count)
    heldout = run.devices.replicate(heldout)
  multi_step.check_engine(plan, engine.kind)
  return engine, heldout


def order_seed(seed: int, rollbacks: int) -> int:
  """Return the seed of the data order after a number of rollbacks."""
  if not rollbacks:
    return seed
  return int(np.random.SeedSequence([seed, rollbacks]).generate_state(1)[0])


def first_state(
  run: Session, restored: Restored | None, key: core.Key
) -> tuple[core.State, int]:
  """Return the state to go on from, on the devices, and its step."""
  if restored is not None:
    if distributed.is_main():
      print(f'continuing from step {restored.step}', file=sys.stderr)
    return run.devices.place_state(restored.state), restored.step
  algorithm, devices = run.experiment.algorithm, run.devices
  init = devices.compile_init(shapes.initializer(run.experiment))
  pretrained = core.pretrained(algorithm, paintings.read)
  state = init(devices.replicate(key), devices.replicate(pretrained))
  if run.donor is not None:
    state = devices.place_state(transfer(jax.device_get(state), run.donor))
  return state, 0
