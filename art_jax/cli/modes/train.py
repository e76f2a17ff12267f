"""`art_jax train EXPERIMENT`: train an experiment, or continue its run."""

import pathlib
import shlex
import sys
from typing import Any

from art_jax.cli import options
from art_jax.devices import distributed
from art_jax.profiling import estimate
from art_jax.training import goodput, loop


def run(flags: Any) -> None:
  """Train to the end; print how fast it was and where the pictures are."""
  experiment = options.experiment(flags)
  workdir = options.workdir(flags)
  devices = options.devices(flags)
  summary = loop.train(
    experiment,
    workdir,
    devices=devices,
    init_from=flags.init_from,
    command=shlex.join(sys.argv),
    log=flags.log,
  )
  if distributed.is_main():
    estimate.remember(experiment, devices, summary)
    print(estimate.summary_sentence(summary))
    print(goodput.sentence(summary))
    print(f'pictures: {pathlib.Path(workdir) / "images"}')
