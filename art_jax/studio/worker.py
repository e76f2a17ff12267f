"""The studio's side of its worker: a short queue, and a process that may die.

A request has a slot, such as a slider of a page. Of the requests that wait in a
slot only the newest is done; the others are told that they were replaced.
"""

import asyncio
import collections
import contextlib
import dataclasses
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

from art_jax import core
from art_jax.studio import messages

WAITING = 6  # requests that may wait

Answer = tuple[dict[str, Any], list[bytes]]


class BusyError(Exception):
  """Too many requests wait."""


class ReplacedError(Exception):
  """A newer request of the same slot came."""


class WorkerError(Exception):
  """The worker failed or ended; the next request starts another."""


@dataclasses.dataclass(eq=False)
class _Request:
  values: Mapping[str, Any]
  blobs: Sequence[bytes]
  future: asyncio.Future
  progress: Callable[[str, list[bytes]], None]


class Worker:
  """Passes requests to the worker process, one after another."""

  def __init__(self):
    self._waiting: collections.OrderedDict[str, _Request] = (
      collections.OrderedDict()
    )
    self._lock = threading.Condition()
    self._thread: threading.Thread | None = None
    self._process: subprocess.Popen | None = None
    self._connection: Connection | None = None
    self._current: _Request | None = None
    self._closed = False

  async def ask(
    self,
    values: Mapping[str, Any],
    blobs: Sequence[bytes] = (),
    *,
    slot: str,
    progress: Callable[[str, list[bytes]], None] = lambda text, blobs: None,
  ) -> Answer:
    """Have a task done; see `tasks`.

    Args:
      values: with 'task', its name.
      blobs: uploaded files.
      slot: newer requests of a slot replace those that wait.
      progress: called in the loop with what the task tells meanwhile.

    Raises:
      core.UserError: the task refuses what is asked.
      BusyError, ReplacedError, WorkerError: it is not done.
    """
    loop = asyncio.get_running_loop()
    future = loop.create_future()

    def shown(text: str, more: list[bytes]) -> None:
      loop.call_soon_threadsafe(progress, text, more)

    request = _Request(values, blobs, future, shown)
    with self._lock:
      old = self._waiting.pop(slot, None)
      if old is not None:
        _settle(old, ReplacedError())
      if len(self._waiting) >= WAITING:
        raise BusyError
      self._waiting[slot] = request
      if self._thread is None:
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
      self._lock.notify()
    try:
      return await future
    except asyncio.CancelledError:
      self.drop(future)
      raise

  def drop(self, future: asyncio.Future) -> None:
    """Forget a request; one that is being done ends with its process."""
    with self._lock:
      for slot, request in list(self._waiting.items()):
        if request.future is future:
          del self._waiting[slot]
      if self._current is not None and self._current.future is future:
        self._end()

  def close(self) -> None:
    """End the process; requests fail."""
    with self._lock:
      self._closed = True
      for request in self._waiting.values():
        _settle(request, WorkerError('the studio ends'))
      self._waiting.clear()
      self._end()
      self._lock.notify()

  def _work(self) -> None:
    while True:
      with self._lock:
        while not self._waiting and not self._closed:
          self._lock.wait()
        if self._closed:
          return
        _, request = self._waiting.popitem(last=False)
        self._current = request
      try:
        _settle(request, self._do(request))
      except Exception as error:
        _settle(request, error)
      with self._lock:
        self._current = None

  def _do(self, request: _Request) -> Answer:
    try:
      connection = self._started()
      messages.send(connection, request.values, request.blobs)
      while True:
        told, blobs = messages.receive(connection)
        if told['kind'] == 'progress':
          request.progress(told['text'], blobs)
          continue
        break
    except (EOFError, OSError, ValueError, KeyError) as error:
      with self._lock:
        self._end()
      raise WorkerError(
        'the worker ended in the middle of this; it is started again with '
        'the next request'
      ) from error
    if told['kind'] == 'refused':
      raise core.UserError(told['error'])
    if told['kind'] == 'failed':
      raise WorkerError(f'a fault: {told["error"]}; the terminal shows more')
    return told['result'], blobs

  def _started(self) -> Connection:
    with self._lock:
      if self._process is not None and self._process.poll() is None:
        assert self._connection is not None
        return self._connection
      self._end()
      here, there = socket.socketpair()
      with there:
        self._process = subprocess.Popen(
          [
            sys.executable,
            '-m',
            'art_jax.studio.worker_process',
            str(there.fileno()),
          ],
          pass_fds=[there.fileno()],
          env={**os.environ, 'HF_HUB_OFFLINE': '1'},  # nothing is fetched
          stdin=subprocess.DEVNULL,
          stdout=sys.stderr.fileno() if _has_number(sys.stderr) else None,
        )
      self._connection = Connection(here.detach())
      return self._connection

  def _end(self) -> None:
    if self._process is not None:
      self._process.kill()
      self._process.wait()
      self._process = None
    # A thread may read from it; it ends with the process on the other side.
    self._connection = None


def _settle(request: _Request, result: Answer | Exception) -> None:
  def settle() -> None:
    if request.future.done():
      return
    if isinstance(result, Exception):
      request.future.set_exception(result)
    else:
      request.future.set_result(result)

  with contextlib.suppress(RuntimeError):  # the loop is closed
    request.future.get_loop().call_soon_threadsafe(settle)


def _has_number(stream: Any) -> bool:
  try:
    return stream.fileno() >= 0
  except (OSError, AttributeError, ValueError):
    return False
