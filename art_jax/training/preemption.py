"""Requests to stop: SIGTERM, SIGINT, and the notice of a preemption."""

import os
import signal

import jax
from jax.experimental import multihost_utils

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopRequest:
  """A context in which a signal asks for a stop instead of killing.

  With several processes jax's own handler takes SIGTERM as the notice and all
  processes agree on the step, so SIGINT is passed on as that; alone, ours sets
  a flag. A second signal changes nothing, so that the checkpoint being written
  is finished.
  """

  def __init__(self):
    self._flag = False
    self._previous: dict = {}

  def __enter__(self) -> 'StopRequest':
    handlers = (
      dict.fromkeys(_SIGNALS, self._set)
      if jax.process_count() == 1
      else {signal.SIGINT: _give_notice}
    )
    try:
      for number, handler in handlers.items():
        self._previous[number] = signal.signal(number, handler)
    except ValueError:
      pass  # Not the main thread: signals are the caller's business.
    return self

  def __exit__(self, *unused):
    for number, handler in self._previous.items():
      signal.signal(number, handler)

  def requested(self, call: int) -> bool:
    """Tell whether to stop now; the same in every process.

    Args:
      call: the number of this question; numbers must not be skipped.
    """
    return (
      multihost_utils.reached_preemption_sync_point(call)
      if jax.process_count() > 1
      else self._flag
    )

  def _set(self, *unused):
    self._flag = True


def _give_notice(*unused) -> None:
  os.kill(os.getpid(), signal.SIGTERM)
