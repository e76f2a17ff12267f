"""Where the time of a whole run went, over all its starts.

`times.json` in the run folder has an entry for every stretch of steps: a start,
or what follows a return to an older checkpoint. It is written every few seconds
and at the end, so a kill loses little of it. Time in which no trainer ran, and
that of a start which was killed before its first step, is counted as `down`.
"""

import contextlib
import itertools
import json
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from absl import logging
from etils import epath

from art_jax import core
from art_jax.training.timing import Clocks

_WRITE_EVERY = 5.0  # seconds
# In later stretches this is the price of starting again.
_STARTING = ('data', 'start', 'compile', 'other')

_WORDS = {
  'redone': 'steps lost and done again',
  'restart': 'starting again',
  'start': 'first state',
}


class Goodput(contextlib.AbstractContextManager):
  """Keeps times.json of one run; a context manager.

  Args:
    folder: the run folder.
    clocks: of this start.
    enabled: False in all processes but one.
  """

  def __init__(self, folder: epath.Path, clocks: Clocks, *, enabled: bool):
    self._path = folder / 'times.json'
    self._clocks = clocks
    self._enabled = enabled
    self._stretches = _read(self._path) if enabled else []
    self._current: dict[str, Any] | None = None
    self._before: dict[str, float] = {}
    self._wall_before = 0.0
    self._written = time.monotonic()

  def begin(self, step: int) -> None:
    """Begin a stretch: the next step is `step` + 1."""
    if self._current is not None:
      self.note(self._current['last'])
      self._before = dict(self._clocks.seconds)
      self._wall_before = self._clocks.wall()
    began = time.time() - (self._clocks.wall() - self._wall_before)
    self._current = {'began': began, 'first': step, 'last': step}
    self._stretches.append(self._current)
    self.note(step)

  def note(self, step: int) -> None:
    """Note that `step` is done; writes the file now and then."""
    assert self._current is not None, 'begin comes first'
    seconds = {
      name: value - self._before.get(name, 0.0)
      for name, value in self._clocks.seconds.items()
    }
    wall = self._clocks.wall() - self._wall_before
    seconds['other'] = max(wall - sum(seconds.values()), 0.0)
    self._current.update(last=step, wall=wall, seconds=seconds)
    if time.monotonic() - self._written > _WRITE_EVERY:
      self.write()

  def write(self) -> None:
    """Write times.json through a second name."""
    if not self._enabled or self._current is None:
      return
    self._written = time.monotonic()
    temporary = self._path.with_name('.times.json.new')
    temporary.write_text(json.dumps(self._stretches, indent=1) + '\n')
    temporary.replace(self._path)

  def __exit__(self, kind, *unused) -> None:
    """Write what is known at the end, unless the disk is what ended it."""
    if self._current is None or (kind and issubclass(kind, core.StorageError)):
      return
    self.note(self._current['last'])
    try:
      self.write()
    except OSError as error:
      logging.warning('%s is not complete: %s', self._path, error)

  def summary(self) -> dict[str, float]:
    """Return `account` of all stretches so far."""
    if self._current is not None:
      self.note(self._current['last'])
    return account(self._stretches)


def account(stretches: Sequence[Mapping[str, Any]]) -> dict[str, float]:
  """Add up the stretches of a run.

  Args:
    stretches: as in times.json.

  Returns:
    `productive_share`: time of steps that were kept over the time in which a
    trainer ran; `stretches`; and run_seconds/NAME for `wall` (in which a
    trainer ran), `step` (productive), `redone` (steps that were lost and done
    again), `restart` (data, restoring, compiling and all else of later
    starts), `down` (no trainer ran), and compile, input, checkpoint, render,
    evaluate, data, start, log, other.
  """
  total = dict.fromkeys(('wall', 'step', 'redone', 'restart', 'down'), 0.0)
  kept_until = math.inf
  for i, stretch in reversed(list(enumerate(stretches))):
    first, last = stretch['first'], stretch['last']
    lost = max(last - max(first, kept_until), 0) / max(last - first, 1)
    kept_until = min(kept_until, first)
    for name, value in stretch['seconds'].items():
      if name == 'step':
        total['redone'] += lost * value
        total['step'] += (1 - lost) * value
      else:
        name = 'restart' if i and name in _STARTING else name
        total[name] = total.get(name, 0.0) + value
    total['wall'] += stretch['wall']
  for before, after in itertools.pairwise(stretches):
    gap = after['began'] - before['began'] - before['wall']
    total['down'] += max(gap, 0.0)
  share = total['step'] / total['wall'] if total['wall'] else 0.0
  return {
    'productive_share': share,
    'stretches': len(stretches),
    **{f'run_seconds/{name}': value for name, value in total.items()},
  }


def sentence(summary: Mapping[str, float]) -> str:
  """Return where the time went, the largest part first."""
  prefix = 'run_seconds/'
  seconds = {
    name.removeprefix(prefix): value
    for name, value in summary.items()
    if name.startswith(prefix)
  }
  wall, down = seconds['wall'], seconds['down']
  parts = [
    f'{_WORDS.get(name, name)} {100 * value / wall:.1f} %'
    for name, value in sorted(seconds.items(), key=lambda item: -item[1])
    if value > 0.0005 * wall and name not in ('wall', 'down', 'step')
  ]
  text = (
    f'{100 * summary["productive_share"]:.1f} % of {wall:.1f} s went into '
    f'steps that count; the rest: {", ".join(parts) or "nothing"}'
  )
  if summary['stretches'] > 1:
    text += (
      f'; {summary["stretches"]:.0f} starts (or returns to a checkpoint), '
      f'{down:.1f} s between them'
    )
  return text


def _read(path: epath.Path) -> list[dict[str, Any]]:
  """Return the entries of earlier starts; none if the file is damaged."""
  if not path.exists():
    return []
  try:
    stretches = list(json.loads(path.read_text()))
    account(stretches)
  except Exception as error:  # whatever it holds, it stops no training
    logging.warning('%s is damaged and begins anew (%s)', path, error)
    return []
  return stretches
