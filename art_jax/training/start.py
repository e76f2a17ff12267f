"""What a run begins with: checks, data, and its first state."""

import dataclasses
import sys
from collections.abc import Callable

import jax
import numpy as np

from art_jax import core
from art_jax.algorithms.trainable import Trainable
from art_jax.config import experiments, shapes
from art_jax.data import fit, paintings, pipeline
from art_jax.data.dataset import Dataset
from art_jax.devices import distributed, mesh
from art_jax.monitoring import probe
from art_jax.monitoring.health import Health
from art_jax.runs.checkpoints import Restored
from art_jax.training import goodput, multi_step, session


def check_before_data(
  experiment: core.Experiment, devices: mesh.Devices
) -> None:
  """Raise a UserError for what can be seen to be wrong without the data."""
  train, algorithm = experiment.train, experiment.algorithm
  core.require(
    not isinstance(algorithm, core.PaintsOnePicture),
    f'{type(algorithm).__name__} does not learn from a set of pictures: it '
    'paints one; use art_jax stylize, with --content, --style and --output',
  )
  mesh.require_batch_divides(devices, train.batch_size, train.accumulate)
  size, multiple = experiment.data.size, core.size_multiple(algorithm)
  core.require(
    size % multiple == 0,
    f'data.size={size}: the networks need a multiple of {multiple}; pass '
    f'--set data.size={size - size % multiple + multiple}',
  )


def open_data(
  experiment: core.Experiment, devices: mesh.Devices, clocks: goodput.Clocks
) -> tuple[core.Experiment, Dataset, probe.Probe | None]:
  """Return the experiment in steps, its data, and its probe if it is read."""
  with clocks.of('data'):
    dataset = experiment.data.source.open(experiment.data)
    fit.check_fit(dataset, experiment)
    if distributed.is_main():
      print(dataset.summary, file=sys.stderr, flush=True)
    resolved = experiments.resolve(experiment, dataset.num_examples)
  plan = resolved.train
  if plan.on_alarm == 'off' and plan.best_metric == 'none':
    return resolved, dataset, None
  with clocks.of('probe'):
    return resolved, dataset, probe.open_probe(resolved, dataset, devices)


@dataclasses.dataclass(frozen=True, eq=False)
class Programs:
  """What runs of one shape share on the devices.

  Attributes:
    init: (key, pretrained) -> state of step 0.
    render: (state, batch, key) -> pictures.
    heldout: the batch that is rendered.
  """

  init: Callable[..., core.State]
  render: Callable[..., core.Images]
  heldout: dict[str, jax.Array]


def programs(shared: session.Shared, experiment: core.Experiment) -> Programs:
  """Return the programs of an experiment in steps; nothing is compiled yet."""
  devices, count = shared.devices, experiment.train.render_count
  with shared.clocks.of('data'):
    heldout = pipeline.heldout_batch(shared.dataset, experiment.data, count)
  return Programs(
    devices.compile_init(shapes.initializer(experiment)),
    devices.compile_render(experiment.algorithm.render),
    devices.replicate(heldout),
  )


@dataclasses.dataclass(frozen=True, eq=False)
class Begun:
  """A run at the step that it goes on from.

  Attributes:
    first: that step.
    state: after it, on the devices.
    key: of the steps, on the devices.
    engine: gives the batches.
    health: its alarms and its best step.
    render: makes the pictures of a state.
  """

  first: int
  state: core.State
  key: core.Key
  engine: pipeline.Engine
  health: Health
  render: Callable[[core.State], core.Images]


def begin(
  run: session.Session,
  made: Programs,
  restored: Restored | None,
  rollbacks: int = 0,
) -> Begun:
  """Open the data of a run, make its state, and forget what lies beyond it."""
  plan = run.experiment.train
  init_key, step_key, render_key = jax.random.split(
    jax.random.key(plan.seed), 3
  )
  if rollbacks:
    step_key = jax.random.fold_in(step_key, rollbacks)
  with run.clocks.of('data'):
    engine = pipeline.open_engine(
      run.dataset,
      run.experiment.data,
      rows_per_step=run.experiment.rows_per_step,
      seed=order_seed(plan.seed, rollbacks),
      placer=run.devices,
      last_step=run.duration,
    )
  multi_step.check_engine(plan, engine.kind)
  with run.clocks.of('start'):
    state, first = first_state(run, restored, init_key, made.init)
    with run.lock.writing(first):
      run.writer.cut(first)
      health = Health(
        run.experiment,
        run.probe,
        run.writer,
        run.dataset.class_names,
        restored.host if restored else {},
      )
  return Begun(
    first,
    state,
    run.devices.replicate(step_key),
    engine,
    health,
    lambda state: made.render(state, made.heldout, render_key),
  )


def order_seed(seed: int, rollbacks: int) -> int:
  """Return the seed of the data order after a number of rollbacks."""
  if not rollbacks:
    return seed
  return int(np.random.SeedSequence([seed, rollbacks]).generate_state(1)[0])


def first_state(
  run: session.Session,
  restored: Restored | None,
  key: core.Key,
  init: Callable[..., core.State],
) -> tuple[core.State, int]:
  """Return the state to go on from, on the devices, and its step."""
  if restored is not None:
    if distributed.is_main():
      print(f'continuing from step {restored.step}', file=sys.stderr)
    return run.devices.place_state(restored.state), restored.step
  devices = run.devices
  pretrained = core.pretrained(run.experiment.algorithm, paintings.read)
  state = init(devices.replicate(key), devices.replicate(pretrained))
  if run.donor is not None:
    state = devices.place_state(transfer(jax.device_get(state), run.donor()))
  return state, 0


def transfer(state: core.State, donor: core.State) -> core.State:
  """Return the state with the networks of --init_from, all else as it was.

  Raises:
    core.UserError: naming the first parameter that does not fit.
  """

  def take(path, new, old):
    if not isinstance(new, Trainable):
      return new
    where = jax.tree_util.keystr(path).lstrip('.')
    _check_same_shapes(where, new.params, old.params)
    return new.replace(params=old.params, collections=old.collections)

  try:
    return jax.tree_util.tree_map_with_path(
      take, state, donor, is_leaf=lambda x: isinstance(x, Trainable)
    )
  except core.UserError:
    raise
  except (ValueError, AttributeError) as error:
    raise core.UserError(
      f'--init_from: that run trained another kind of model ({error})'
    ) from None


def _check_same_shapes(where: str, new: core.PyTree, old: core.PyTree) -> None:
  both = [dict(jax.tree_util.tree_leaves_with_path(x)) for x in (new, old)]
  for path in both[0] | both[1]:  # in order, so that the first is the first
    here, there = (x[path].shape if path in x else 'missing' for x in both)
    core.require(
      here == there,
      f'--init_from: {where}{jax.tree_util.keystr(path)} is {here} here '
      f'and {there} in that run; give the networks the same fields',
    )
