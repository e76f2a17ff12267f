"""What the flags ask for: the experiment, the run folder, the model."""

import dataclasses
import pathlib
import sys
from typing import Any

from art_jax import (
  config,
  core,
  literals,
  paintings,
  processes,
  run,
  sharding,
)
from art_jax.data import detect


def experiment(flags: Any) -> core.Experiment:
  """Return the experiment with the flags that change it applied."""
  if not flags.experiment:
    raise core.UserError(
      f'--mode={flags.mode} needs --experiment=NAME; --mode=list shows them'
    )
  chosen = config.load(flags.experiment, tiny=flags.tiny)
  changes = list(flags['set'].value)
  if flags.data:
    algorithm = chosen.algorithm
    source, told = detect.parse(flags.data, algorithm.inputs, algorithm.aligned)
    print(told, file=sys.stderr)
    changes.insert(0, f'data.source={literals.to_text(source)}')
  chosen = config.override(
    chosen, changes, config.user_classes(flags.experiment)
  )
  if flags.precision:
    chosen = config.everywhere(chosen, {'dtype': flags.precision})
  return chosen


def devices(flags: Any) -> sharding.Devices:
  """Join the other processes, if there are any; return the devices."""
  processes.start_distributed(
    *(flags.coordinator, flags.num_processes, flags.process_id),
    timeout=flags.join_timeout,
  )
  processes.expect_platform(flags.expect_platform)
  return sharding.make_devices(flags.devices)


def workdir(flags: Any) -> str:
  """Return the run folder to train in."""
  if flags.workdir:
    return flags.workdir
  name = pathlib.Path(flags.experiment).stem
  return str(pathlib.Path('runs') / (name + '_tiny' * flags.tiny))


def model(flags: Any) -> run.Run:
  """Return the trained model that --run or --weights names."""
  if bool(flags.run) == bool(flags.weights):
    raise core.UserError(
      f'--mode={flags.mode} needs either --run=FOLDER or --weights=FILE'
    )
  if flags.weights:
    return run.load_weights(flags.weights)
  return run.load(
    flags.run, flags.checkpoint, config.user_classes(flags.experiment)
  )


def painter(flags: Any) -> run.Run:
  """Return the trained model with the paintings of --style, if it takes any.

  --set changes what may be changed of a trained model, e.g. algorithm.alpha.
  """
  loaded = model(flags)
  changes = list(flags['set'].value)
  if changes:
    changed = config.override(loaded.experiment, changes)
    tunable = getattr(loaded.algorithm, 'tunable', ())
    for path in config.differences(loaded.experiment, changed):
      if path.removeprefix('algorithm.') not in tunable:
        allowed = ', '.join(f'algorithm.{name}' for name in tunable)
        raise core.UserError(
          f'--set {path}: it is fixed once a model is trained; what may be '
          f'changed is {allowed or "nothing"}'
        )
    loaded = dataclasses.replace(loaded, experiment=changed)
  if flags.style:
    names = flags.style.split(',')
    size = getattr(loaded.algorithm, 'style_size', 512)
    return loaded.styled([paintings.read(name, size) for name in names])
  if hasattr(loaded.algorithm, 'styled'):
    raise core.UserError(
      f'{type(loaded.algorithm).__name__} paints like any painting and needs '
      'one: pass --style=FILE[,FILE...] or --style=builtin:5'
    )
  return loaded


def need(flags: Any, *names: str) -> None:
  """Raise a UserError for the first of these flags that is not given."""
  for name in names:
    if not flags[name].value:
      raise core.UserError(f'--mode={flags.mode} needs --{name}=PATH')


def refuse(flags: Any, what: str, *names: str) -> None:
  """Raise a UserError for the first of these flags that is given."""
  for name in names:
    if flags[name].value:
      raise core.UserError(
        f'--{name}: it is for pictures whose pixels are optimised, not for '
        f'{what}; leave it out'
      )
