"""`art_jax help [MODE]`: the modes, or the flags of one."""

from typing import Any

from art_jax.cli import help, table


def run(_: Any, names: list[str]) -> None:
  """Print the text of each mode that is named, or of all in short."""
  texts = [help.of_mode(table.MODES[name]) for name in names]
  print('\n\n\n'.join(texts) or help.overview())
