"""Download published weights into the cache folder, checking their hash.

  python tools/fetch_weights.py           lists the names
  python tools/fetch_weights.py vgg16 squeezenet1_1

Files come from their makers' own addresses into ART_JAX_HOME/weights (default
~/.cache/art_jax/weights). The start of a file's hash is checked where the
makers publish one; its whole sha256 is noted on first use, in SHA256SUMS beside
it, and has to be the same ever after. Without a network, copy the file there by
hand under the name that is printed. (The addresses could not be tried where
this was written; if one has moved, the message says which.)
"""

import hashlib
import os
import pathlib
import sys
import urllib.request

from absl import app

from art_jax import core
from art_jax.weights import catalogue, files

_TIMEOUT = 60  # seconds without a byte
_CHUNK = 1 << 20


def main(argv: list[str]) -> None:
  """Fetch what is named; without names, list what there is."""
  if len(argv) < 2:
    for name, published in catalogue.PUBLISHED.items():
      print(f'{name:<18} {published.url}')
    return
  try:
    for name in argv[1:]:
      print(fetch(name))
  except core.UserError as error:
    sys.exit(f'fetch_weights: {error}')


def fetch(name: str) -> pathlib.Path:
  """Return the file of some weights, downloaded unless it is here.

  Raises:
    core.UserError: unknown name, no network, or another hash.
  """
  if name not in catalogue.PUBLISHED:
    known = ', '.join(catalogue.PUBLISHED)
    raise core.UserError(f'{name!r} is not known; there are: {known}')
  published = catalogue.PUBLISHED[name]
  folder = catalogue.folder()
  folder.mkdir(parents=True, exist_ok=True)
  target = folder / catalogue.stored_name(name)
  if target.exists():
    _remember(target, _hash(target, 'sha256'))
    return target
  staged = target.with_name(f'.{target.name}.{os.getpid()}.tmp')
  try:
    _download(published.url, staged, target)
    digest = _hash(staged, published.algorithm)
    if not digest.startswith(published.digest):
      raise core.UserError(
        f'{published.url} has the {published.algorithm} {digest}, but '
        f'{published.digest}... is published: not kept; try again, or fetch it '
        'elsewhere'
      )
    _remember(target, _hash(staged, 'sha256'))
    staged.replace(target)
  finally:
    staged.unlink(missing_ok=True)
  return target


def _download(url: str, staged: pathlib.Path, target: pathlib.Path) -> None:
  """Write what an address gives, up to the largest file that is read."""
  try:
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:
      with staged.open('wb') as file:
        while chunk := answer.read(_CHUNK):
          file.write(chunk)
          if file.tell() > files.MAX_BYTES:
            raise core.UserError(f'{url} is larger than {files.MAX_BYTES}')
  except OSError as error:
    raise core.UserError(
      f'{url} cannot be fetched ({error}). Without a network: fetch it on '
      f'another machine and copy it to {target}'
    ) from error


def _hash(path: pathlib.Path, algorithm: str) -> str:
  with path.open('rb') as file:
    return hashlib.file_digest(file, algorithm).hexdigest()


def _remember(target: pathlib.Path, sha256: str) -> None:
  """Note a file's hash the first time; later it has to be the same."""
  sums = target.with_name('SHA256SUMS')
  lines = sums.read_text().splitlines() if sums.exists() else []
  known = {
    name: digest for digest, name in (line.split('  ') for line in lines)
  }
  noted = known.setdefault(target.name, sha256)
  if noted != sha256:
    raise core.UserError(
      f'{target} has the sha256 {sha256}, but {noted} when it was first used; '
      f'delete it, or its line in {sums}'
    )
  text = ''.join(f'{digest}  {name}\n' for name, digest in known.items())
  sums.write_text(text)


if __name__ == '__main__':
  app.run(main)
