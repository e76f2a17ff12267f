"""`art_jax report RUN`: everything about a run in one HTML file."""

import pathlib
from typing import Any

from art_jax.core.paths import require_free
from art_jax.report import page


def run(flags: Any) -> None:
  """Write report.html into --run, or into the folder --output."""
  output = None
  if flags.output:
    output = pathlib.Path(flags.output).expanduser() / page.REPORT
    require_free(output, flags.overwrite)
  print(page.write(flags.run, output))
