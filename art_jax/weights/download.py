"""Download published weights into the cache folder, checking their hash.

Files come from their makers' own addresses into ART_JAX_HOME/weights (default
~/.cache/art_jax/weights). The start of a file's hash is checked where the
makers publish one; its whole sha256 is noted on first use, in SHA256SUMS beside
it, and has to be the same ever after.
"""

import hashlib
import pathlib
import urllib.request

from etils import epath

from art_jax import core
from art_jax.core import paths
from art_jax.weights import catalogue, files

_TIMEOUT = 60  # seconds without a byte
_CHUNK = 1 << 20


def fetch(name: str) -> pathlib.Path:
  """Return the file of some weights, downloaded unless it is here.

  Raises:
    core.UserError: unknown name, no network, or another hash.
  """
  core.require(
    name in catalogue.PUBLISHED,
    f'{name!r} is not known; there are: {", ".join(catalogue.PUBLISHED)}',
  )
  published = catalogue.PUBLISHED[name]
  target = catalogue.folder() / catalogue.stored_name(name)
  if target.exists():
    _remember(target, _hash(target, 'sha256'))
    return target
  with paths.staged(target) as staged:
    _download(published.url, staged, target)
    digest = _hash(staged, published.algorithm)
    core.require(
      digest.startswith(published.digest),
      f'{published.url} has the {published.algorithm} {digest}, but '
      f'{published.digest}... is published: not kept; try again, or fetch it '
      'elsewhere',
    )
    _remember(target, _hash(staged, 'sha256'))
  return target


def _download(url: str, staged: epath.Path, target: pathlib.Path) -> None:
  """Write what an address gives, up to the largest file that is read."""
  try:
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:
      with staged.open('wb') as file:
        while chunk := answer.read(_CHUNK):
          file.write(chunk)
          core.require(
            file.tell() <= files.MAX_BYTES,
            f'{url} is larger than {files.MAX_BYTES}',
          )
  except OSError as error:
    raise core.UserError(
      f'{url} cannot be fetched ({error}); without a network, fetch it '
      f'on another machine and copy it to {target}'
    ) from error


def _hash(path: pathlib.Path | epath.Path, algorithm: str) -> str:
  with open(path, 'rb') as file:
    return hashlib.file_digest(file, algorithm).hexdigest()


def _remember(target: pathlib.Path, sha256: str) -> None:
  """Note a file's hash the first time; later it has to be the same."""
  sums = target.with_name('SHA256SUMS')
  lines = sums.read_text().splitlines() if sums.exists() else []
  known = {
    name: digest for digest, name in (line.split('  ') for line in lines)
  }
  noted = known.setdefault(target.name, sha256)
  core.require(
    noted == sha256,
    f'{target} has the sha256 {sha256}, but {noted} when it was first used; '
    f'delete it, or its line in {sums}',
  )
  sums.write_text(''.join(f'{known[name]}  {name}\n' for name in known))
