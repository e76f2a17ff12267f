"""--mode=report: everything about a run in one HTML file."""

import pathlib
from typing import Any

from art_jax import core
from art_jax.cli import options
from art_jax.report import page


def run(flags: Any) -> None:
  """Write report.html into --run, or into the folder --output."""
  options.need(flags, 'run')
  output = pathlib.Path(flags.output) / page.REPORT if flags.output else None
  if output is not None and output.exists() and not flags.overwrite:
    raise core.UserError(
      f'{output} exists; pass --overwrite to replace it, or another --output'
    )
  print(page.write(flags.run, output))
