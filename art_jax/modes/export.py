"""--mode=export: one compiled program that needs only jax."""

from typing import Any

from art_jax import export
from art_jax.modes import asked


def run(flags: Any) -> None:
  """Write the program into --output and print its files."""
  asked.need(flags, 'output')
  for path in export.write(
    asked.model(flags), flags.output, flags.direction, overwrite=flags.overwrite
  ):
    print(path)
