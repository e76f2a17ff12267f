"""--mode=describe: what an experiment is, without data or allocation."""

from typing import Any

from art_jax import describe, sharding
from art_jax.modes import asked


def run(flags: Any) -> None:
  """Print the description."""
  experiment = asked.experiment(flags)
  devices = sharding.make_devices(flags.devices)
  print(describe.text(experiment, devices, compiled=flags.compile))
