"""`art_jax list`: the experiments, and which to begin with."""

from typing import Any

from art_jax.config import experiment_files, recommended


def run(_: Any) -> None:
  """Print the name and the purpose of every experiment."""
  purposes = {
    name: experiment_files.purpose(path)
    for name, path in experiment_files.files().items()
  }
  width = max(map(len, purposes))
  for name, purpose in purposes.items():
    print(f'{name:{width}}  {purpose}')
  print('\nTo begin with:')
  for line in recommended.lines():
    print(f'  {line}')
