"""Where files go: the cache folder, whole files only, nothing overwritten."""

import contextlib
import os
import pathlib
import zlib
from collections.abc import Iterator

import platformdirs
from etils import epath

from art_jax import core


def printable(name: str) -> str:
  """Return a file name that any terminal and log can take."""
  return name.encode('utf-8', 'backslashreplace').decode('utf-8')


def shown(name: str) -> str:
  r"""Return a file name in quotes, with escapes where two could look alike.

  Letters with an accent may be one character or two, and others have twins in
  other alphabets: 'é.png' ('e\u0301.png').
  """
  plain, escaped = repr(printable(name)), ascii(name)
  return plain if plain == escaped else f'{plain} ({escaped})'


def home() -> pathlib.Path:
  """Return the cache folder, made with mode 0700 when it is missing.

  It is `ART_JAX_HOME`, else the `art_jax` of the system's folder of caches: on
  Linux `XDG_CACHE_HOME/art_jax`, else `~/.cache/art_jax`.

  Raises:
    UserError: the folder cannot be made.
  """
  path = pathlib.Path(
    os.environ.get('ART_JAX_HOME')
    or platformdirs.user_cache_dir('art_jax', appauthor=False)
  ).expanduser()
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


@contextlib.contextmanager
def staged(path: os.PathLike | str) -> Iterator[epath.Path]:
  """Yield a name beside a local or gs:// file, which becomes it at the end.

  A reader never sees half a file, nor does a power loss leave one. Its folder
  is made; after an error nothing is left, and an OSError names the file.
  """
  path = epath.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  # Not longer than the name itself may be: systems allow 255 bytes.
  mark = zlib.crc32(os.fsencode(path.name))
  temporary = path.with_name(f'.{mark:08x}.{os.getpid()}.tmp')
  try:
    yield temporary
    _to_disk(temporary)
    temporary.replace(path)
  except BaseException as error:
    with contextlib.suppress(OSError):  # read-only, or the folder is gone
      temporary.unlink(missing_ok=True)
    if isinstance(error, OSError) and error.errno:
      raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    raise


def _to_disk(path: epath.Path) -> None:
  """Wait until the disk has a local file: its name may reach it before."""
  if '://' not in os.fspath(path):
    with open(path, 'rb') as file:
      os.fsync(file.fileno())


def write_atomic(path: os.PathLike | str, data: bytes | str) -> None:
  """Write a local or gs:// file, all of it or nothing; make its folder.

  Text is written as UTF-8; bytes of file names that are none, as escapes.
  """
  if isinstance(data, str):
    data = data.encode('utf-8', 'backslashreplace')
  with staged(path) as temporary:
    temporary.write_bytes(data)


def require_free(
  path: pathlib.Path, overwrite: bool, flag: str = '--output'
) -> None:
  """Raise a UserError if a file of a flag exists and is not to be replaced."""
  core.require(
    overwrite or not path.exists(),
    f'{path} exists; pass another {flag}, or --overwrite to replace it',
  )


def require_no_run(folder: pathlib.Path, flag: str) -> None:
  """Raise a UserError if a config.txt in this folder is that of a run."""
  core.require(
    not (folder / 'checkpoints').exists(),
    f'{flag}={folder}: it is the folder of a run, which is read by its '
    f'config.txt; pass another {flag}',
  )


def new_file(output: str, overwrite: bool) -> pathlib.Path:
  """Return the file that --output names, before there is anything to write.

  Raises:
    UserError: it exists and is not to be replaced, or has no folder.
  """
  path = pathlib.Path(output).expanduser()
  require_free(path, overwrite)
  core.require(
    path.parent.is_dir(),
    f'--output={output}: there is no folder {path.parent}; make it',
  )
  return path


def make_folder(path: pathlib.Path | epath.Path) -> None:
  """Make a folder, and its parents, unless it is there.

  Raises:
    UserError: it cannot be made, or not be written to; see `unwritable`.
  """
  probe = path / f'.writable.{os.getpid()}'
  try:
    path.mkdir(parents=True, exist_ok=True)
    probe.write_text('')
    probe.unlink()
  except OSError as error:
    raise core.unwritable(
      f'folder {str(path)!r}',
      error,
      'pass one that can (--workdir or --output)',
    ) from error
