"""Trackers that remember, and trackers that fail."""

import errno
import threading
from typing import ClassVar


class Recorder:
  """Remembers calls by the id of the run."""

  runs: ClassVar[dict] = {}

  def __init__(self, run):
    self.run = run
    record = self.runs.setdefault(run.id, {'starts': [], 'rows': []})
    record['starts'].append(run.resumed)
    record.update(config=run.config, fields=run.fields)
    self.record = record

  def scalars(self, step, values):
    self.record['rows'].append((step, dict(values)))

  def images(self, step, sheets):
    self.record.setdefault('images', []).extend(
      (step, name, sheet.shape) for name, sheet in sheets.items()
    )

  def alarms(self, events):
    self.record.setdefault('alarms', []).extend(events)

  def close(self):
    self.record['closed'] = True


class Stores(Recorder):
  last_step = 3  # of an earlier start


class Refuses(Recorder):
  def __init__(self, run):
    raise ConnectionError('nobody\nthere')


class Exits(Recorder):
  def __init__(self, run):
    raise SystemExit(1)


class Full(Recorder):
  def scalars(self, step, values):
    raise OSError(errno.ENOSPC, 'No space left on device')


class Hangs(Recorder):
  release = threading.Event()

  def scalars(self, step, values):
    self.release.wait()
