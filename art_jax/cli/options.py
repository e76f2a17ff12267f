"""What the flags name: the experiment, the run folder, the model."""

import dataclasses
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

from art_jax import core
from art_jax.config import experiments, serialization
from art_jax.core import hub
from art_jax.data import detect, paintings
from art_jax.devices import distributed, mesh
from art_jax.inference import foreign, published, run


def experiment(
  flags: Any, assignments: Sequence[str] | None = None
) -> core.Experiment:
  """Return the experiment with the flags that change it applied.

  Args:
    flags: of the command line.
    assignments: in place of those of --set.
  """
  chosen = experiments.load(flags.experiment, tiny=flags.tiny)
  changes = list(flags['set'].value if assignments is None else assignments)
  if flags.data:
    algorithm = chosen.algorithm
    source, summary = detect.parse(
      flags.data, algorithm.inputs, algorithm.aligned
    )
    print(summary, file=sys.stderr)
    changes.insert(0, f'data.source={serialization.to_text(source)}')
  chosen = experiments.override(
    chosen, changes, experiments.user_classes(flags.experiment)
  )
  return with_precision(flags, chosen)


def with_precision(flags: Any, chosen: core.Experiment) -> core.Experiment:
  """Return the experiment with --precision applied to all of its networks."""
  dtype = {'dtype': flags.precision}
  return experiments.everywhere(chosen, dtype) if flags.precision else chosen


def devices(flags: Any) -> mesh.Devices:
  """Join the other processes, if there are any; return the devices."""
  distributed.start_distributed(
    flags.coordinator,
    flags.num_processes,
    flags.process_id,
    timeout=flags.join_timeout,
  )
  distributed.expect_platform(flags.expect_platform)
  chosen = mesh.make_devices(flags.devices)
  distributed.meet()
  return chosen


def workdir(flags: Any) -> str:
  """Return the run folder to train in."""
  name = pathlib.Path(flags.experiment).stem + '_tiny' * flags.tiny
  return flags.workdir or str(pathlib.Path('runs') / name)


def model(flags: Any) -> run.Run:
  """Return the trained model that --run or --weights names."""
  core.require(
    bool(flags.run) != bool(flags.weights),
    f'{flags.mode} needs either a RUN (--run=FOLDER) or --weights=FILE',
  )
  if flags.weights:
    loaded = foreign.load_weights(flags.weights)
  else:
    extra = experiments.user_classes(flags.experiment)
    name = flags.run
    if hub.is_name(name):
      name = published.pinned(name)
      print(f'model: {name}', file=sys.stderr)
    loaded = run.load(name, flags.checkpoint, extra)
  return in_use(loaded, flags['set'].value)


def in_use(model: run.Run, assignments: Sequence[str]) -> run.Run:
  """Return a trained model with fields changed that act when it is used.

  Raises:
    core.UserError: a field acts in training alone, or does not exist.
  """
  if not assignments:
    return model
  fields = [f'algorithm.{f}' for f in core.inference_fields(model.algorithm)]
  for assignment in assignments:
    path = experiments.current_path(
      model.experiment, assignment.partition('=')[0].strip()
    )
    core.require(
      path in fields,
      f'--set {path}=...: a trained {type(model.algorithm).__name__} cannot be '
      'changed in it; fields that act when it is used: '
      f'{", ".join(fields) or "none"}',
    )
  experiment = experiments.override(model.experiment, assignments)
  return dataclasses.replace(model, experiment=experiment)


def painter(flags: Any) -> run.Run:
  """Return the trained model with the paintings of --style, if it takes any."""
  loaded = model(flags)
  if flags.style:
    if not isinstance(loaded.algorithm, core.Stylable):
      return loaded.styled(())  # Raises, saying why.
    size = loaded.algorithm.style_size
    return loaded.styled(
      [paintings.read(name, size) for name in flags.style.split(',')]
    )
  core.require(
    not isinstance(loaded.algorithm, core.Stylable),
    f'{type(loaded.algorithm).__name__} paints like any painting and needs '
    'one: pass --style=FILE[,FILE...] or --style=builtin:5',
  )
  return loaded


def need(flags: Any, *names: str) -> None:
  """Raise a UserError for the first of these flags that is not given."""
  for name in names:
    core.require(
      flags[name].value,
      f'{flags.mode} needs --{name}=PATH; `art_jax help {flags.mode}` shows '
      'an example',
    )


def refuse(flags: Any, what: str, *names: str) -> None:
  """Raise a UserError for the first of these flags that is given."""
  for name in names:
    core.require(
      not flags[name].value,
      f'--{name}: it is for pictures whose pixels are optimized, not for '
      f'{what}; leave it out',
    )
