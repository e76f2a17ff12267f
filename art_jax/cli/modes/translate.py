"""`art_jax translate RUN`: pictures in, translated pictures out."""

from typing import Any

from art_jax.cli import options
from art_jax.inference import translate
from art_jax.media import picture_format


def run(flags: Any) -> None:
  """Translate --input into --output.

  Raises:
    core.UserError: at the end, counting and naming pictures that could not be
      translated.
  """
  options.need(flags, 'input', 'output')
  outcome = translate.files(
    options.painter(flags),
    flags.input,
    flags.output,
    flags.direction,
    overwrite=flags.overwrite,
    mask=flags.mask,
    fmt=picture_format.parse(flags.format),
  )
  there = f' ({outcome.there} more are there already)' if outcome.there else ''
  print(f'{outcome.written} picture(s) translated into {flags.output}{there}')
  outcome.require_all()
