"""The report of a run that trains: rewritten as it goes, and at its end."""

import contextlib
import os
import time

from absl import logging

from art_jax.report import page

WRITES = True  # tests turn it off
# Writing takes at most this share of the time of a run, its end left out.
_SHARE = 0.01


class Refresher(contextlib.AbstractContextManager):
  """Writes report.html of one run; a context manager that writes the last.

  An error is logged once and stops no run: only the report goes missing.
  """

  def __init__(self, folder: os.PathLike | str, *, enabled: bool):
    """Take the folder; nothing is written before `begin`.

    Args:
      folder: of the run; in a gs:// folder there are no reports.
      enabled: True on process 0 only.
    """
    self._folder = folder
    self._local = WRITES and enabled and '://' not in os.fspath(folder)
    self._enabled = False
    self._due = 0.0  # on the monotonic clock

  def begin(self) -> None:
    """Start: the first report is due at once."""
    self._enabled = self._local

  def refresh(self) -> None:
    """Write the report, unless that was done a moment ago."""
    begin = time.monotonic()
    if not self._enabled or begin < self._due:
      return
    try:
      page.write(self._folder)
    except Exception as error:
      self._enabled = False
      logging.warning('report.html is not written any more: %s', error)
    end = time.monotonic()
    self._due = end + (end - begin) / _SHARE

  def __exit__(self, *unused) -> None:
    self._due = 0.0
    self.refresh()
