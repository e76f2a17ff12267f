"""`art_jax studio [FOLDER]`: watch and use runs in a browser."""

import pathlib
from typing import Any

from art_jax.core import extras


def run(flags: Any) -> None:
  """Serve the runs of --runs until interrupted."""
  for library in ('starlette', 'uvicorn'):
    extras.load(library, 'studio', 'the studio')
  from art_jax.studio import serve, settings

  root = flags.data_root
  serve.serve(
    settings.Settings(
      runs=pathlib.Path(flags.runs),
      host=flags.host,
      port=flags.port,
      token=flags.token or '',
      allow_hosts=tuple(flags.allow_host),
      frame_ancestors=tuple(flags.frame_ancestors),
      data_root=pathlib.Path(root) if root else None,
    ),
    say=lambda line: print(line, flush=True),
  )
