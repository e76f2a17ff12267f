"""The folder of the user in which art_jax keeps what it can make again."""

import os
import pathlib

from art_jax import core


def home() -> pathlib.Path:
  """Return the cache folder, made with mode 0700 when it is missing.

  It is `ART_JAX_HOME`, else `XDG_CACHE_HOME/art_jax`, else `~/.cache/art_jax`.

  Raises:
    UserError: the folder cannot be made.
  """
  path = os.environ.get('ART_JAX_HOME')
  if not path:
    cache = os.environ.get('XDG_CACHE_HOME')
    path = pathlib.Path(cache or pathlib.Path.home() / '.cache') / 'art_jax'
  path = pathlib.Path(path).expanduser()
  try:
    # Only the last folder is private: parents may be shared on purpose.
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
  except OSError as error:
    raise core.UserError(
      f'cache folder {str(path)!r} cannot be made ({error.strerror}); set '
      'the environment variable ART_JAX_HOME to a writable folder'
    ) from error
  return path
