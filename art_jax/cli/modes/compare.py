"""`art_jax compare RUN RUN ...`: runs side by side in one HTML file."""

import pathlib
from typing import Any

from art_jax.core.paths import require_free, write_atomic
from art_jax.report import page


def run(flags: Any, runs: list[str]) -> None:
  """Write compare.html into --output (default: the folder one is in)."""
  output = pathlib.Path(flags.output or '.').expanduser() / page.COMPARISON
  require_free(output, flags.overwrite)
  write_atomic(output, page.compare(runs))
  print(output)
