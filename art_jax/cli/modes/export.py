"""`art_jax export RUN`: one compiled program that needs only jax."""

from typing import Any

from art_jax.cli import options
from art_jax.inference import export


def run(flags: Any) -> None:
  """Write the program into --output and print its files."""
  options.need(flags, 'output')
  for path in export.write(
    options.model(flags),
    flags.output,
    flags.direction,
    overwrite=flags.overwrite,
  ):
    print(path)
