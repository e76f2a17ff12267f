"""--mode=list: the experiments there are."""

from typing import Any

from art_jax.config import experiments


def run(flags: Any) -> None:
  """Print the name and the purpose of every experiment."""
  del flags
  purposes = {
    name: experiments.purpose(path)
    for name, path in experiments.files().items()
  }
  width = max(map(len, purposes))
  for name, purpose in purposes.items():
    print(f'{name:{width}}  {purpose}')
