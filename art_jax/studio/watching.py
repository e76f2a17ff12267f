"""The API that shows runs: lists, curves, alarms, pictures; it only reads."""

from collections.abc import AsyncIterator
from typing import Any

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from art_jax.studio import about, follow, requests
from art_jax.studio.answers import Json
from art_jax.studio.board import Board
from art_jax.studio.catalog import Catalog
from art_jax.studio.hub import Channel, FullError, Hub, encode
from art_jax.studio.pictures import Thumbnails

_EXAMPLES = 'examples'  # the name by which a page asks for examples.png


class Watching:
  """The routes of a studio that show runs."""

  def __init__(self, catalog: Catalog):
    self.catalog = catalog
    self.hub = Hub()
    self._board = Board(catalog)
    self._thumbnails = Thumbnails()

  @property
  def routes(self) -> list[Route]:
    """Their addresses."""
    return [
      Route('/api/runs/events', self.list_events),
      Route('/api/runs', self.list_runs),
      Route('/api/runs/{id}', self.run),
      Route('/api/runs/{id}/events', self.run_events),
      Route('/api/runs/{id}/picture', self.picture),
    ]

  async def list_runs(self, request: Request) -> Response:
    """All runs, once."""
    board = Board(self.catalog)
    await anyio.to_thread.run_sync(board.poll)
    return Json(board.snapshot())

  async def list_events(self, request: Request) -> Response:
    """All runs, and what changes."""
    return self._stream(
      '', lambda: Channel(self._board.poll, self._board.snapshot)
    )

  async def run(self, request: Request) -> Response:
    """Settings, data and abilities of a run."""
    entry = self.catalog.find(request.path_params['id'])
    return Json(await anyio.to_thread.run_sync(about.about, entry))

  async def run_events(self, request: Request) -> Response:
    """Everything that a run logs, and what it goes on to log."""
    entry = self.catalog.find(request.path_params['id'])
    follower = follow.Follower(entry)
    return self._stream(
      entry.id, lambda: Channel(follower.poll, follower.snapshot)
    )

  async def picture(self, request: Request) -> Response:
    """A picture of a run: ?name=, step= and side=."""
    entry = self.catalog.find(request.path_params['id'])
    name = request.query_params.get('name', '')
    side = requests.query_number(request, 'side', 480)
    step = requests.query_number(request, 'step', -1)

    def read() -> bytes:
      path = entry.path / 'examples.png'
      if name != _EXAMPLES:
        names = follow.pictures(entry.path)
        path = about.picture_path(entry.path, names, name, step)
      return self._thumbnails.get(path, side)

    data = await anyio.to_thread.run_sync(read)
    return Response(
      data,
      media_type='image/webp',
      headers={'Cache-Control': 'private, max-age=60'},
    )

  def _stream(self, name: str, make: Any) -> Response:
    async def messages() -> AsyncIterator[bytes]:
      try:
        async for data in self.hub.stream(name, make):
          yield data
      except FullError:
        yield encode(('full', {}))

    return StreamingResponse(messages(), media_type='text/event-stream')
