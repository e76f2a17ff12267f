"""The studio in a notebook: a server in this process, shown in a frame."""

import dataclasses
import html
import os
import pathlib
import threading
import time
from collections.abc import Sequence
from typing import Any

from art_jax import core
from art_jax.studio import app, serve
from art_jax.studio.settings import Settings

LOCAL_PAGES = ('http://localhost:*', 'http://127.0.0.1:*')
_WAIT = 20.0  # seconds for the server to begin


@dataclasses.dataclass(frozen=True, eq=False)
class Studio:
  """A studio that runs in this process; a notebook shows it as a frame.

  Attributes:
    address: for a frame; it holds the token.
    height: of the frame, in pixels.
    server: what serves it.
    thread: in which it is served.
  """

  address: str
  height: int
  server: Any = dataclasses.field(repr=False)
  thread: threading.Thread = dataclasses.field(repr=False)

  def close(self) -> None:
    """End it."""
    self.server.should_exit = True
    self.thread.join(_WAIT)

  def _repr_html_(self) -> str:
    """Return what a notebook shows."""
    address = html.escape(self.address)
    return (
      f'<iframe src="{address}" width="100%" height="{self.height}" '
      'style="border:0" title="art_jax studio"></iframe>'
    )


def open_studio(
  runs: str | os.PathLike,
  *,
  port: int,
  height: int,
  data_root: str | os.PathLike | None,
  frame_ancestors: Sequence[str],
) -> Studio:
  """Start a studio in a thread; see `art_jax.open_studio`."""
  settings = Settings(
    runs=pathlib.Path(runs),
    port=port,
    frame_ancestors=tuple(frame_ancestors),
    data_root=None if data_root is None else pathlib.Path(data_root),
  )
  application = app.make(settings)
  listening = serve.listen(settings, print)
  server = serve.server(application)
  thread = threading.Thread(
    target=server.run, kwargs={'sockets': [listening]}, daemon=True
  )
  thread.start()
  end = time.monotonic() + _WAIT
  while not server.started and thread.is_alive() and time.monotonic() < end:
    time.sleep(0.02)
  core.require(server.started, 'the studio did not start; see what it printed')
  host, port = listening.getsockname()[:2]
  address = f'http://{host}:{port}/#token={settings.token}'
  return Studio(address, height, server, thread)
