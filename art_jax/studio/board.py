"""The list of all runs, kept up to date by one look at each."""

import pathlib
from typing import Any

from art_jax.studio import summary
from art_jax.studio.catalog import Catalog
from art_jax.studio.follow import Event


class Board:
  """The lines of all runs; a run is read again when its files changed."""

  def __init__(self, catalog: Catalog):
    self._catalog = catalog
    self._lines: dict[str, tuple[Any, dict[str, Any]]] = {}

  def poll(self) -> list[Event]:
    """Look again; return 'changed' lines and ids of 'removed' runs."""
    before, self._lines = self._lines, {}
    for entry in self._catalog.entries():
      seen = summary.signature(entry.path)
      old = before.get(entry.id)
      self._lines[entry.id] = (
        old
        if old and old[0] == seen
        else (seen, summary.summarize(entry).as_json())
      )
    changed = [
      line
      for id, (_, line) in self._lines.items()
      if id not in before or before[id][1] != line
    ]
    removed = [id for id in before if id not in self._lines]
    events = ('changed', changed), ('removed', removed)
    return [event for event in events if event[1]]

  def snapshot(self) -> dict[str, Any]:
    """Return all lines, and the name of the folder."""
    root: pathlib.Path = self._catalog.root
    lines = [line for _, line in self._lines.values()]
    return {'folder': root.name, 'runs': lines}
