"""Listens at a free port, and prints the address that opens the studio."""

import errno
import socket
import sys
import urllib.parse
from collections.abc import Callable

import psutil
import uvicorn

from art_jax import core
from art_jax.studio import app
from art_jax.studio.settings import Settings

_TRIED = 20  # ports


def serve(settings: Settings, say: Callable[[str], object] = print) -> None:
  """Serve a studio until it is interrupted.

  Args:
    settings: what it shows, and to whom.
    say: takes the lines for the user.

  Raises:
    core.UserError: there is no such folder, or no port is free.
  """
  application = app.make(settings)
  listening = listen(settings, lambda line: print(line, file=sys.stderr))
  say(f'The studio is open at {address(settings, listening)}')
  say('Ctrl-C ends it; runs are not touched by that.')
  server(application).run(sockets=[listening])


class Server(uvicorn.Server):
  """Ends the streams of an application first, so that nothing waits."""

  async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
    """End; see uvicorn."""
    self.config.app.state.end_streams()  # pyright: ignore
    await super().shutdown(sockets)


def server(application: object) -> Server:
  """Return the server of an application; it logs no address, as of tokens."""
  config = uvicorn.Config(
    application,  # pyright: ignore
    access_log=False,
    log_config=None,  # another would close absl's handler, and stderr with it
    log_level='warning',
    server_header=False,
    proxy_headers=False,
    ws='none',
    timeout_graceful_shutdown=1,
    limit_concurrency=400,
  )
  return Server(config)


def address(settings: Settings, listening: socket.socket) -> str:
  """Return the address that lets a browser in."""
  port = listening.getsockname()[1]
  host = settings.shown_host
  host = f'[{host}]' if ':' in host else host
  token = urllib.parse.quote(settings.token, safe='')
  return f'http://{host}:{port}/?token={token}'


def listen(settings: Settings, say: Callable[[str], object]) -> socket.socket:
  """Return a socket that listens at the port, or at the next free one.

  Raises:
    core.UserError: the address is not one of this machine, or 20 ports from
      the wanted one on are taken.
  """
  family = socket.AF_INET6 if ':' in settings.host else socket.AF_INET
  ports = [settings.port]
  if settings.port:
    ports = [*range(settings.port, min(settings.port + _TRIED, 2**16))]
  for port in ports:
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
      taken.bind((settings.host, port))
      taken.listen(128)
    except OSError as error:
      taken.close()
      if error.errno != errno.EADDRINUSE:
        raise core.UserError(
          f'--host={settings.host} --port={port}: {error.strerror}; pass an '
          'address of this machine and a port above 1023'
        ) from error
      continue
    if port != settings.port and settings.port:
      say(f'port {settings.port} is taken{_holder(settings.port)}')
    return taken
  raise core.UserError(
    f'--port={settings.port}: it and the {len(ports) - 1} after it are '
    f'taken{_holder(settings.port)}; pass another'
  )


def _holder(port: int) -> str:
  """Return ' by process N (name)' if that may be seen, else ''."""
  try:
    for row in psutil.net_connections('tcp'):
      if row.laddr and row.laddr.port == port and row.status == 'LISTEN':
        name = psutil.Process(row.pid).name() if row.pid else ''
        return f' by process {row.pid} ({name})' if row.pid else ''
  except (psutil.Error, OSError):
    pass
  return ''
