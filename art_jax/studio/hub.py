"""Watchers of runs: each run is looked at once, however many watch it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from art_jax.studio import answers
from art_jax.studio.follow import Event

_EVERY = 1.0  # seconds between two looks
_STILL = 15  # looks after which a silent stream says that it is alive
_WAITING = 64  # messages of a watcher that reads too slowly
_MOST = 200  # watchers in all


class FullError(Exception):
  """There are too many watchers."""


def encode(event: Event) -> bytes:
  """Return an event as a browser reads it (text/event-stream)."""
  name, value = event
  return f'event: {name}\ndata: {answers.text(value)}\n\n'.encode()


class Channel:
  """One thing that is watched.

  Args:
    poll: looks at it and returns what is new; it may take a while.
    snapshot: what a new watcher is told first; called after a look.
  """

  def __init__(
    self, poll: Callable[[], list[Event]], snapshot: Callable[[], Any]
  ):
    self._poll, self._snapshot = poll, snapshot
    self._looking = asyncio.Lock()
    self._task: asyncio.Task | None = None
    self._first: bytes | None = None  # the snapshot, until something is new
    self.watchers: set[asyncio.Queue[bytes | None]] = set()

  async def join(self) -> tuple[asyncio.Queue[bytes | None], bytes]:
    """Return a queue of what is new, and the message that comes first."""
    async with self._looking:
      await self._look()
      if self._first is None:
        self._first = await asyncio.to_thread(self._encoded_snapshot)
      first = self._first
      messages: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING)
      self.watchers.add(messages)
    if self._task is None or self._task.done():
      self._task = asyncio.create_task(self._run())
    return messages, first

  def leave(self, messages: asyncio.Queue[bytes | None]) -> None:
    """Take a watcher away; without any, nothing is looked at."""
    self.watchers.discard(messages)
    if not self.watchers and self._task is not None:
      self._task.cancel()
      self._task = None

  async def _run(self) -> None:
    silent = 0
    while self.watchers:
      await asyncio.sleep(_EVERY)
      async with self._looking:
        silent = 0 if await self._look() else silent + 1
        if silent == _STILL:
          silent = 0
          self._tell(b': still here\n\n')

  async def _look(self) -> bool:
    """Tell the watchers what is new; return whether there is anything."""
    told = await asyncio.to_thread(self._encoded_news)
    if told:
      self._first = None
      self._tell(told)
    return bool(told)

  def _encoded_news(self) -> bytes:
    return b''.join(map(encode, self._poll()))

  def _encoded_snapshot(self) -> bytes:
    return encode(('snapshot', self._snapshot()))

  def _tell(self, data: bytes) -> None:
    for messages in list(self.watchers):
      try:
        messages.put_nowait(data)
      except asyncio.QueueFull:  # it comes back and gets a snapshot
        self.watchers.discard(messages)
        while not messages.empty():
          messages.get_nowait()
        messages.put_nowait(None)


class Hub:
  """All channels by what they watch."""

  def __init__(self):
    self._channels: dict[str, Channel] = {}

  def close(self) -> None:
    """End all streams."""
    for channel in list(self._channels.values()):
      for messages in channel.watchers:
        while messages.full():
          messages.get_nowait()
        messages.put_nowait(None)

  async def stream(
    self, name: str, make: Callable[[], Channel]
  ) -> AsyncIterator[bytes]:
    """Yield messages for one watcher until it goes.

    Raises:
      FullError: there are too many watchers.
    """
    if sum(len(c.watchers) for c in self._channels.values()) >= _MOST:
      raise FullError
    if name not in self._channels:
      self._channels[name] = make()
    channel = self._channels[name]
    messages, first = await channel.join()
    try:
      yield first
      while (data := await messages.get()) is not None:
        yield data
    finally:
      channel.leave(messages)
      if not channel.watchers:
        self._channels.pop(name, None)
