"""`art_jax describe EXPERIMENT`: what it is, without data or allocation."""

from typing import Any

from art_jax.cli import options
from art_jax.devices import mesh
from art_jax.profiling import describe


def run(flags: Any) -> None:
  """Print the description."""
  experiment = options.experiment(flags)
  devices = mesh.make_devices(flags.devices)
  print(describe.text(experiment, devices, compiled=flags.compile))
