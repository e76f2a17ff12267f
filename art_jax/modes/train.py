"""--mode=train: train an experiment, or continue its run."""

import pathlib
import shlex
import sys
from typing import Any

from art_jax import goodput, loop, sharding, throughput
from art_jax.modes import asked


def run(flags: Any) -> None:
  """Train to the end; print how fast it was and where the pictures are."""
  experiment = asked.experiment(flags)
  workdir = asked.workdir(flags)
  devices = asked.devices(flags)
  summary = loop.train(
    experiment,
    workdir,
    devices=devices,
    init_from=flags.init_from,
    command=shlex.join(sys.argv),
  )
  if sharding.is_main():
    throughput.remember(experiment, devices, summary)
    print(throughput.sentence(summary))
    print(goodput.sentence(summary))
    print(f'pictures: {pathlib.Path(workdir) / "images"}')
