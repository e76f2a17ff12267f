"""`art_jax completion bash|zsh`: a script that completes commands."""

from typing import Any

from art_jax import core
from art_jax.cli import completion


def run(_: Any, names: list[str]) -> None:
  """Print the script of one shell."""
  core.require(
    len(names) == 1 and names[0] in completion.SHELLS,
    f'completion of {" ".join(names) or "no shell"}: name one of '
    f'{", ".join(completion.SHELLS)}, as in: source <(art_jax completion bash)',
  )
  print(completion.script(names[0]), end='')
