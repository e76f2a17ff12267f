"""Where the time of a run goes: of one start, and over all its starts.

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

import jax
from absl import logging
from etils import epath

from art_jax import core
from art_jax.core.paths import write_atomic

_WRITE_EVERY = 5.0  # seconds
# In later stretches this is the price of starting again.
_STARTING = ('data', 'start', 'compile', 'other')

_WORDS = {
  'redone': 'steps lost and done again',
  'restart': 'starting again',
  'start': 'first state',
}


class Clocks:
  """Wall time by what the loop was doing.

  Attributes:
    seconds: time spent so far under each name.
    timed: number of steps taken; those that compiled are left out.
  """

  def __init__(self):
    self.seconds: dict[str, float] = {}
    self.timed = 0
    self._began = time.perf_counter()

  def wall(self) -> float:
    """Return the seconds since it was made."""
    return time.perf_counter() - self._began

  @contextlib.contextmanager
  def of(self, name: str):
    """Add the time of a block to `name`."""
    start = time.perf_counter()
    try:
      yield
    finally:
      passed = time.perf_counter() - start
      self.seconds[name] = self.seconds.get(name, 0.0) + passed

  @contextlib.contextmanager
  def of_input(self, in_flight: Any):
    """Add the time of getting a batch to `input` if the device waited for it.

    While the device still works on the step before, nothing waits, and the
    time belongs to that `step`.

    Args:
      in_flight: arrays that the step before computes; None before the first.
    """
    start = time.perf_counter()
    yield
    passed = time.perf_counter() - start
    leaves = jax.tree.leaves(in_flight)
    name = 'step' if leaves and not leaves[0].is_ready() else 'input'
    self.seconds[name] = self.seconds.get(name, 0.0) + passed

  def summary(self, steps: int, rows: int) -> dict[str, float]:
    """Return rates and shares.

    The rate counts the time of steps and of waiting for input, and every step
    taken, also those that are done again after a return to a checkpoint; the
    first, which compiles, is left out of it. `input_share` is the part of that
    time in which the device had nothing to do but wait for a batch.

    Args:
      steps: number of steps that the run has come further.
      rows: examples of one step.

    Returns:
      steps_per_second, images_per_second, input_share in [0, 1],
      and seconds/NAME for each name and for the whole (`wall`).
    """
    stepping = self.seconds.get('step', 0.0)
    waiting = self.seconds.get('input', 0.0)
    busy = stepping + waiting
    rate = self.timed / busy if busy else 0.0
    return {
      'steps': steps,
      'steps_per_second': rate,
      'images_per_second': rate * rows,
      'input_share': waiting / busy if busy else 0.0,
      'seconds/wall': self.wall(),
      **{f'seconds/{name}': value for name, value in self.seconds.items()},
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
    began = time.time() - self._clocks.wall()
    if (before := self._current) is not None:
      self.note(before['last'])
      self._before = dict(self._clocks.seconds)
      self._wall_before += before['wall']
      began = before['began'] + before['wall']  # no time lies between them
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
    """Write times.json, all of it or nothing."""
    if not self._enabled or self._current is None:
      return
    self._written = time.monotonic()
    write_atomic(self._path, json.dumps(self._stretches, indent=1) + '\n')

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
    total['down'] += max(after['began'] - before['began'] - before['wall'], 0.0)
  return {
    'productive_share': total['step'] / total['wall'] if total['wall'] else 0.0,
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
    stretches = list(json.loads(path.read_text('utf-8')))
    account(stretches)
  except Exception as error:  # whatever it holds, it stops no training
    logging.warning('%s is damaged and begins anew (%s)', path, error)
    return []
  return stretches
