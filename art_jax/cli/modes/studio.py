"""`art_jax studio [FOLDER]`: watch and use runs in a browser."""

import pathlib
from typing import Any

from art_jax import core


def run(flags: Any) -> None:
  """Serve the runs of --runs until interrupted."""
  try:
    from art_jax.studio import serve, settings
  except ModuleNotFoundError as error:
    raise core.UserError(
      f'the studio needs {error.name}, which is not installed: pip install '
      '"art_jax[studio]"'
    ) from None
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
