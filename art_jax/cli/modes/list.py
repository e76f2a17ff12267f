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
  for aim, by_hardware, then in recommended.RECOMMENDED:
    names = [f'{n} ({on})' if on else n for on, n in by_hardware.items()]
    print(f'  {aim}: {", ".join(names)}{then and f"; then {then}"}')
