"""What surrounds every mode: its output streams, and the signals to stop it.

A reader that goes away (`| head`) ends no run: what it would have read is
dropped. A signal ends a mode in one line, also while jax is being imported.
"""

import contextlib
import errno
import io
import os
import signal
import sys
from collections.abc import Iterator

STOPPED = 75
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_AGAIN = 1.0  # seconds


class _Sink(io.FileIO):
  """A descriptor to write to that drops what nobody reads any more.

  Args:
    number: of the descriptor.
    lossy: drop what cannot be written for other reasons too.
  """

  def __init__(self, number: int, lossy: bool):
    super().__init__(number, 'w', closefd=False)
    self._lossy = lossy

  def write(self, data, /) -> int:
    """Write bytes; see `io.FileIO`."""
    try:
      return super().write(data)
    except OSError as error:
      _drop(self.fileno())
      if not self._lossy and error.errno != errno.EPIPE:
        error.filename = 'standard output'
        raise
      return memoryview(data).nbytes


def _drop(number: int) -> None:
  null = os.open(os.devnull, os.O_WRONLY)
  if null != number:
    os.dup2(null, number)
    os.close(null)


def guard_streams() -> None:
  r"""Let stdout and stderr take any text, and lose or never have a reader.

  What an encoding lacks is written as an escape: '\udce9'.
  """
  for number, name in ((1, 'stdout'), (2, 'stderr')):
    stream = getattr(sys, name)
    if stream is None:  # closed by the shell: >&-
      _drop(number)
    sink = io.BufferedWriter(_Sink(number, lossy=name == 'stderr'))
    text = io.TextIOWrapper(
      sink,
      encoding=stream.encoding if stream else 'utf-8',
      errors='backslashreplace',
      line_buffering=name == 'stderr' or sink.isatty(),
      write_through=bool(stream) and stream.write_through,
    )
    setattr(sys, name, text)


class Stop:
  """Turns SIGINT and SIGTERM into one line and the exit code 75.

  Outside `raising` there is nothing to clean up: the process ends at once.
  """

  def __init__(self):
    self.asked = ''  # the name of the signal

  def take(self) -> None:
    """Handle the signals, but those that the shell has set to be ignored."""
    for number in _SIGNALS:
      self._set(number, self._end)

  @contextlib.contextmanager
  def raising(self) -> Iterator[None]:
    """Raise KeyboardInterrupt at the first signal, and end at the second.

    A finalizer or a callback that was running may have swallowed it: it is
    raised again every second, unless it is on its way.
    """
    previous = {number: self._set(number, self._raise) for number in _SIGNALS}
    previous[signal.SIGALRM] = self._set(signal.SIGALRM, self._again)
    try:
      yield
    finally:
      signal.setitimer(signal.ITIMER_REAL, 0)
      for number, handler in previous.items():
        self._set(number, handler)

  def line(self) -> str:
    """Return what to tell."""
    return f'stopped by {self.asked}; start the same command again'

  def _set(self, number, handler):
    previous = signal.getsignal(number)
    if previous not in (None, signal.SIG_IGN) and handler is not None:
      with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(number, handler)
    return previous

  def _raise(self, number, _):
    self.asked = signal.Signals(number).name
    for each in _SIGNALS:
      self._set(each, self._end)
    signal.setitimer(signal.ITIMER_REAL, _AGAIN, _AGAIN)
    raise KeyboardInterrupt(self.asked)

  def _again(self, *_):
    error = sys.exc_info()[1]  # what the interrupted code is cleaning up after
    while error is not None and not isinstance(error, KeyboardInterrupt):
      error = error.__context__
    if error is None:
      raise KeyboardInterrupt(self.asked)

  def _end(self, number, _):
    self.asked = signal.Signals(number).name
    with contextlib.suppress(OSError):
      os.write(2, f'art_jax: {self.line()}\n'.encode())
    os._exit(STOPPED)


stop = Stop()
