"""The pages: the same for everybody, without anything of a run in them."""

import functools
import pathlib
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from art_jax.core.version import VERSION
from art_jax.studio import guard
from art_jax.studio.settings import Settings

_STATIC = pathlib.Path(__file__).parent / 'static'
_COOKIE_SECONDS = 30 * 24 * 3600
# Address, and the title of the page; its template has the name of the address.
PAGES = {
  'runs': 'Runs',
  'run': 'Run',
  'sample': 'Sample',
  'translate': 'Translate',
  'stylize': 'Stylize',
  'paint': 'Paint',
  'repaint': 'Repaint',
  'compare': 'Compare',
  'start': 'Start',
}
_MENU = tuple(name for name in PAGES if name != 'run')


@functools.cache
def _environment() -> jinja2.Environment:
  return jinja2.Environment(
    loader=jinja2.PackageLoader('art_jax.studio', 'templates'),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
  )


@functools.cache
def render(page: str) -> str:
  """Return a page."""
  return (
    _environment()
    .get_template(f'{page}.html.jinja')
    .render(
      page=page,
      title=PAGES.get(page, 'art_jax studio'),
      menu=[(name, PAGES[name]) for name in _MENU],
      version=VERSION,
    )
  )


def routes(settings: Settings) -> list[Any]:
  """Return the addresses of the pages and of their programs."""

  async def show(request: Request) -> Response:
    page = request.url.path.strip('/') or 'runs'
    given = request.query_params.get('token')
    if given is None:
      return HTMLResponse(render(page))
    if not guard.is_token(settings, given):
      return HTMLResponse(render('refused'), 401)
    # A page in between: a browser that came from elsewhere sends a strict
    # cookie only with what this page asks for.
    answer = HTMLResponse(render('enter'))
    answer.set_cookie(
      settings.cookie,
      settings.token,
      max_age=_COOKIE_SECONDS,
      httponly=True,
      samesite='strict',
    )
    return answer

  addresses = ['/', *(f'/{name}' for name in PAGES if name != 'runs')]
  return [
    *(Route(address, show) for address in addresses),
    Mount('/static', StaticFiles(directory=_STATIC)),
  ]
