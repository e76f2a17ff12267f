"""`art_jax translate RUN`: pictures in, translated pictures out."""

from typing import Any

from art_jax.cli import options
from art_jax.inference import translate


def run(flags: Any) -> None:
  """Translate --input into --output."""
  options.need(flags, 'input', 'output')
  count = translate.files(
    options.painter(flags),
    flags.input,
    flags.output,
    flags.direction,
    overwrite=flags.overwrite,
    mask=flags.mask,
  )
  print(f'{count} picture(s) translated into {flags.output}')
