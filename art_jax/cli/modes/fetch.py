"""`art_jax fetch NAME...`: download published weights, checking their hash."""

from typing import Any

from art_jax.weights import catalogue, download


def run(_: Any, names: list[str]) -> None:
  """Print where each file is; without names, list what there is."""
  if not names:
    for name, published in catalogue.PUBLISHED.items():
      print(f'{name:<18} {published.url}')
  for name in names:
    print(download.fetch(name))
