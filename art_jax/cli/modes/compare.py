"""--mode=compare RUN RUN ...: runs side by side in one HTML file."""

import pathlib
from typing import Any

from art_jax import core
from art_jax.media import images
from art_jax.report import page


def run(flags: Any, runs: list[str]) -> None:
  """Write compare.html into --output (default: the folder one is in)."""
  output = pathlib.Path(flags.output or '.') / page.COMPARISON
  if output.exists() and not flags.overwrite:
    raise core.UserError(
      f'{output} exists; pass --overwrite to replace it, or --output=FOLDER'
    )
  images.write_atomic(output, page.compare(runs).encode())
  print(output)
