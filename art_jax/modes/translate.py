"""--mode=translate: pictures in, translated pictures out."""

from typing import Any

from art_jax import translate
from art_jax.modes import asked


def run(flags: Any) -> None:
  """Translate --input into --output."""
  asked.need(flags, 'input', 'output')
  count = translate.files(
    asked.painter(flags),
    flags.input,
    flags.output,
    flags.direction,
    overwrite=flags.overwrite,
    mask=flags.mask,
  )
  print(f'{count} picture(s) translated into {flags.output}')
