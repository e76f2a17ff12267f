"""What is new in a run folder since the last look. It is only read.

A file that grew is read from where the last look ended; a line without its end
is left for the next look. A file that shrank or was replaced, as when a run
goes back to a checkpoint, is read anew.
"""

import json
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Any, BinaryIO

from art_jax.runs import metrics_log
from art_jax.studio import curves, summary
from art_jax.studio.catalog import Entry

_PICTURE = re.compile(r'(\d{8,})\.png')
_READ = 64 * 2**20  # bytes of a file at once
_WORDS = {
  'NaN': float('nan'),
  'Infinity': float('inf'),
  '-Infinity': float('-inf'),
}

Event = tuple[str, Any]  # its name, and what JSON can hold


class Lines:
  """The rows of a growing file of JSON lines."""

  def __init__(self, path: pathlib.Path):
    self._path = path
    self._key: tuple[int, int] | None = None
    self._at = 0
    self.rows: list[dict[str, Any]] = []

  def read(self) -> tuple[list[dict[str, Any]], bool]:
    """Return the new rows, and whether the older ones are no more."""
    try:
      with open(self._path, 'rb') as file:
        status = os.fstat(file.fileno())
        key = status.st_dev, status.st_ino
        lost = False
        anew = key != self._key or status.st_size < self._at
        if anew:
          lost = bool(self.rows)
          self._key, self._at, self.rows = key, 0, []
        elif status.st_size == self._at:
          return [], False
        return self._read_on(file), lost
    except OSError:
      lost = bool(self.rows)
      self._key, self._at, self.rows = None, 0, []
      return [], lost

  def _read_on(self, file: BinaryIO) -> list[dict[str, Any]]:
    """Return the rows of all whole lines that were not read yet."""
    before, whole = len(self.rows), 1
    while whole:
      file.seek(self._at)
      data = file.read(_READ)
      whole = data.rfind(b'\n') + 1
      self._at += whole
      lines = data[:whole].split(b'\n')
      self.rows += [row for line in lines if (row := _row(line))]
    return self.rows[before:]


class Follower:
  """A run folder that is looked at again and again."""

  def __init__(self, entry: Entry):
    self.entry = entry
    self._metrics = Lines(entry.path / metrics_log.FILE)
    self._alarms = Lines(entry.path / metrics_log.ALARMS)
    self._pictures: dict[str, list[int]] = {}
    self._times: dict[str, int] = {}
    self._line: dict[str, Any] = {}
    self._names: set[str] = set()
    self._seen: Any = None

  def poll(self) -> list[Event]:
    """Look again; return what is new: 'run', 'rows', 'alarms', 'pictures'.

    'snapshot' stands for all of them where older rows are no more or a metric
    is new, and 'gone' where the folder is no more.
    """
    if not self.entry.path.is_dir():
      return [('gone', {})]
    seen = summary.signature(self.entry.path)
    if seen == self._seen:
      return []
    first, self._seen = self._seen is None, seen
    rows, anew = self._metrics.read()
    alarms, alarms_anew = self._alarms.read()
    pictures = self._new_pictures()
    line = summary.summarize(self.entry).as_json()
    changed = line != self._line
    self._line = line
    new_names = {name for row in rows for name in row} - self._names
    self._names |= new_names
    if first or anew or alarms_anew or new_names:
      return [('snapshot', self.snapshot())]
    events = [
      ('run', line) if changed else None,
      ('rows', [_plain(row) for row in rows]) if rows else None,
      ('alarms', alarms) if alarms else None,
      ('pictures', pictures) if pictures else None,
    ]
    return [event for event in events if event is not None]

  def snapshot(self) -> dict[str, Any]:
    """Return everything so far, as of the last look."""
    columns = curves.columns(self._metrics.rows)
    return {
      'run': self._line,
      'figures': curves.layout(list(columns)),
      'columns': columns,
      'alarms': self._alarms.rows,
      'pictures': self._pictures,
    }

  def _new_pictures(self) -> list[dict[str, Any]]:
    before, self._pictures = self._pictures, pictures(self.entry.path)
    return [
      {'name': name, 'step': step}
      for name, steps in self._pictures.items()
      for step in sorted(set(steps) - set(before.get(name, ())))
    ]


def pictures(path: pathlib.Path) -> dict[str, list[int]]:
  """Return the steps of the pictures in a run folder by name, ascending."""
  steps: dict[str, list[int]] = {}
  folder = path / 'images'
  for place, _, files in os.walk(folder):
    name = pathlib.Path(place).relative_to(folder).as_posix()
    found = sorted(int(m[1]) for f in files if (m := _PICTURE.fullmatch(f)))
    if found:
      steps[name] = found
  return dict(sorted(steps.items()))


def _row(line: bytes) -> dict[str, Any] | None:
  try:
    row = json.loads(line)
  except (ValueError, RecursionError):
    return None
  if not isinstance(row, dict) or not isinstance(row.get('step'), int):
    return None
  return {
    name: _WORDS.get(value, value) if isinstance(value, str) else value
    for name, value in row.items()
  }


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
  step = row['step']
  return {name: curves.number(v) for name, v in row.items()} | {'step': step}
