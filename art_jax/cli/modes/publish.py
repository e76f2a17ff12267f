"""`art_jax publish RUN`: the model for others, on the hub or in a folder."""

from typing import Any

from art_jax import core
from art_jax.cli import options
from art_jax.inference import publish


def run(flags: Any) -> None:
  """Write --run into --to and print where it is."""
  core.require(
    flags.to,
    'publish needs --to=hf:OWNER/NAME or --to=FOLDER; `art_jax help publish` '
    'shows an example',
  )
  place = publish.publish(
    options.model(flags),
    flags.to,
    flags.license,
    with_space=flags.space,
    overwrite=flags.overwrite,
  )
  print(f'published: {place}; to use it: art_jax.load({place!r})')
