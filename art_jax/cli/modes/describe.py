"""`art_jax describe EXPERIMENT`: what it is, without data or allocation."""

import json
import sys
from typing import Any

from art_jax import core
from art_jax.cli import options
from art_jax.core.paths import new_file, write_atomic
from art_jax.devices import mesh, targets
from art_jax.profiling import describe, target, target_fit


def run(flags: Any) -> None:
  """Print the description."""
  if flags.target:
    return _on_target(flags)
  for name in ('fit', 'output'):
    core.require(
      not flags[name].value,
      f'--{name}: it is of a --target; pass one, such as --target=gpu:h100',
    )
  experiment = options.experiment(flags)
  devices = mesh.make_devices(flags.devices)
  print(describe.text(experiment, devices, compiled=flags.compile))


def _on_target(flags: Any) -> None:
  """Compile for devices that are not there, print, and write --output."""
  chosen = targets.parse(flags.target)
  core.require(
    not flags.compile and flags.devices is None,
    f'--target={flags.target}: it compiles, and says how many devices there '
    'are; leave --compile and --devices out',
  )
  output = flags.output and new_file(flags.output, flags.overwrite)
  devices = targets.open_devices(chosen)
  experiment = options.experiment(flags)
  result = target.measure(experiment, chosen, devices)
  print(target.text(experiment, result))
  if flags.fit:
    result |= target_fit.largest(experiment, chosen, devices, result)
    print(target_fit.text(result))
  if output:
    write_atomic(output, json.dumps(result, indent=2) + '\n')
  if not flags.fit:
    sys.stdout.flush()
    target_fit.require_fits(experiment, chosen, devices, result)
