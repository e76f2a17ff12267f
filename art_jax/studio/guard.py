"""Who may ask for what: checked before any page or picture is made.

Host must be a name of this machine: a page elsewhere whose name was pointed
here (DNS rebinding) is refused. Origin must equal Host, so that no other page
makes a browser act. Everything but the empty pages needs the token: as a
cookie, which a browser sends by itself, or in a frame as a header.
"""

import hmac
import http.cookies
import urllib.parse
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import MutableHeaders

from art_jax.studio.answers import Json
from art_jax.studio.settings import Settings

_HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
}


class Guard:
  """Middleware that lets requests through, or answers them itself."""

  def __init__(self, app: Any, settings: Settings):
    self._app, self._settings = app, settings
    ancestors = ' '.join(settings.frame_ancestors) or "'none'"
    self._policy = (
      "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; "
      "base-uri 'none'; form-action 'self'; "
      f'frame-ancestors {ancestors}'
    )

  async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
    """Handle one request."""
    if scope['type'] != 'http':
      if scope['type'] == 'lifespan':
        await self._app(scope, receive, send)
      return  # there are no web sockets here

    async def send_guarded(message: Any) -> None:
      if message['type'] == 'http.response.start':
        headers = MutableHeaders(scope=message)
        headers['Content-Security-Policy'] = self._policy
        for name, value in _HEADERS.items():
          headers[name] = value
        if not self._settings.frame_ancestors:
          headers['X-Frame-Options'] = 'DENY'
        fixed = scope['path'].startswith('/static/')
        headers.setdefault('Cache-Control', 'no-cache' if fixed else 'no-store')
      await send(message)

    refused = self._refusal(scope)
    answer = Json({'error': refused[1]}, refused[0]) if refused else None
    await (answer or self._app)(scope, receive, send_guarded)

  def _refusal(self, scope: Any) -> tuple[int, str] | None:
    """Return the status and the reason if a request is refused."""
    headers = _single(scope['headers'])
    if headers is None:
      return 400, 'a header is given twice, or is no text'
    host = headers.get('host', '')
    if not self._known(host):
      return 421, (
        'the studio does not answer to this host name; start it with '
        '--allow_host=NAME'
      )
    origin = headers.get('origin')
    if origin is not None and not _same(origin, host):
      return 403, 'this request comes from another page'
    if headers.get('sec-fetch-site', 'same-origin') == 'cross-site' and (
      scope['path'].startswith('/api/')
    ):
      return 403, 'this request comes from another page'
    if scope['method'] not in ('GET', 'HEAD') and origin is None:
      return 403, 'a request that changes something names its Origin'
    if scope['path'].startswith('/api/') and not self._knows_token(headers):
      return 401, (
        'open the address that the studio printed: it holds the token'
      )
    return None

  def _known(self, host: str) -> bool:
    try:
      parts = urllib.parse.urlsplit(f'//{host}')
      name, _ = parts.hostname, parts.port
    except ValueError:
      return False
    plain = parts.netloc == host and not (parts.path or parts.query)
    return plain and '@' not in host and name in self._settings.hosts

  def _knows_token(self, headers: Mapping[str, str]) -> bool:
    kind, _, given = headers.get('authorization', '').partition(' ')
    if kind.lower() == 'bearer':
      return is_token(self._settings, given.strip())
    cookies = http.cookies.SimpleCookie()
    try:
      cookies.load(headers.get('cookie', ''))
    except http.cookies.CookieError:
      return False
    cookie = cookies.get(self._settings.cookie)
    return cookie is not None and is_token(self._settings, cookie.value)


def is_token(settings: Settings, given: str) -> bool:
  """Tell whether a text is the token, in time that does not tell how far."""
  return hmac.compare_digest(
    given.encode('utf-8', 'replace'), settings.token.encode()
  )


def _single(headers: Any) -> dict[str, str] | None:
  """Return headers by name; None if one that decides is given twice."""
  values: dict[str, str] = {}
  for raw, value in headers:
    name = raw.decode('latin-1').lower()
    if name in values and name in ('host', 'origin', 'authorization'):
      return None
    if name == 'cookie' and name in values:  # HTTP/2 may split them
      values[name] += '; ' + value.decode('latin-1')
      continue
    values[name] = value.decode('latin-1')
  return values


def _same(origin: str, host: str) -> bool:
  scheme, _, rest = origin.partition('://')
  return scheme in ('http', 'https') and rest.lower() == host.lower()
