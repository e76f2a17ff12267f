"""The application: pages, and the API behind them."""

import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from art_jax import core
from art_jax.core import paths
from art_jax.studio import pages
from art_jax.studio.answers import Json
from art_jax.studio.catalog import Catalog, GoneError
from art_jax.studio.comparing import Comparing
from art_jax.studio.guard import Guard
from art_jax.studio.requests import TooLargeError
from art_jax.studio.settings import Settings
from art_jax.studio.starting import Starting
from art_jax.studio.using import Using
from art_jax.studio.watching import Watching
from art_jax.studio.worker import Worker


def make(settings: Settings, worker: Worker | None = None) -> Starlette:
  """Return the application of a studio.

  Args:
    settings: what it shows, and to whom.
    worker: has models used; None: one of its own, started at first use.

  Raises:
    core.UserError: the folder of the runs is not there.
  """
  catalog = Catalog(settings.folder)
  watching, worker = Watching(catalog), worker or Worker()
  using, starting = Using(catalog, worker), Starting(settings, catalog)

  @contextlib.asynccontextmanager
  async def lifespan(app: Starlette) -> AsyncIterator[None]:
    yield
    worker.close()

  application = Starlette(
    routes=[
      *pages.routes(settings),
      *watching.routes,
      *using.routes,
      *Comparing(catalog).routes,
      *starting.routes,
    ],
    middleware=[Middleware(Guard, settings=settings)],
    exception_handlers={
      core.UserError: _refuse,
      HTTPException: _refuse_http,
      Exception: _fail,
    },
    lifespan=lifespan,
  )
  application.state.end_streams = watching.hub.close
  return application


async def _refuse(request: Request, error: Exception) -> Response:
  status = {GoneError: 404, TooLargeError: 413}.get(type(error), 400)
  return Json({'error': paths.printable(str(error))}, status)


async def _refuse_http(request: Request, error: Exception) -> Response:
  assert isinstance(error, HTTPException)
  return Json({'error': error.detail}, error.status_code)


async def _fail(request: Request, error: Exception) -> Response:
  """Tell a browser that there is a bug, and nothing of its inside."""
  return Json({'error': 'a fault in the studio; its terminal shows more'}, 500)
