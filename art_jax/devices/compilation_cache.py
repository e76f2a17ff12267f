"""Programs compiled by earlier runs, kept in the user's own cache folder.

jax finds a program by a key of everything it depends on, but it runs what it
reads unseen, and an entry that it cannot read it neither repairs nor removes.
So a checksum lies beside every entry, and entries without their right one are
dropped at the start: they are compiled and stored again.

  <home>/xla/<kind of CPU>/<key>-cache   the program, written by jax
                           <key>-atime   when it was last used, by jax
                           <key>-sha256  of the program, written here
"""

import collections
import hashlib
import os
import pathlib
import platform
import stat
from typing import Any

import filelock
import jax
from absl import logging

from art_jax import core
from art_jax.core.paths import home

_OPTIONS = {
  # Beyond it, jax removes what was not used for longest.
  'jax_compilation_cache_max_size': 512 << 20,
  # Reading an entry takes 5 ms: what compiles faster is not worth a file.
  'jax_persistent_cache_min_compile_time_secs': 0.02,
  'jax_persistent_cache_min_entry_size_bytes': 0,
  # XLA's own files on GPUs have no checksum and no bound; a stored program
  # holds what was tuned for it anyway.
  'jax_persistent_cache_enable_xla_caches': 'none',
}
_LOCK_SECONDS = 10
_SUFFIXES = ('-cache', '-atime', '-sha256')


def turn_on() -> pathlib.Path | None:
  """Let jax keep compiled programs; return their folder, None if it cannot.

  Nothing is kept where the environment says ART_JAX_NO_COMPILE_CACHE, and
  nothing is changed where the user has told jax itself what to do
  (JAX_COMPILATION_CACHE_DIR). A folder that is not private is refused with a
  notice, for whoever writes into it makes this process run their program.
  """
  own = jax.config.values['jax_compilation_cache_dir']
  if own or os.environ.get('ART_JAX_NO_COMPILE_CACHE'):
    return None
  try:
    path = _private(_private(home() / 'xla') / _cpu())
    dropped = verify(path)
  except (core.UserError, OSError, filelock.Timeout) as error:
    logging.warning('Compiled programs are not kept: %s', error)
    return None
  if dropped:
    logging.warning(
      '%d damaged or unfinished program(s) dropped from %s: compiled anew',
      dropped,
      path,
    )
  for name, value in _OPTIONS.items():
    jax.config.update(name, value)
  jax.config.update('jax_compilation_cache_dir', str(path))
  _seal_what_is_stored(path)
  return path


def verify(path: pathlib.Path) -> int:
  """Remove entries without their right checksum; return how many."""
  with _lock(path):
    entries = _entries(path)
    # jax writes `-atime` last and cannot make room while one is missing.
    bad = [
      key
      for key, suffixes in entries.items()
      if len(suffixes) < len(_SUFFIXES)
      or (path / f'{key}-sha256').read_text('utf-8', errors='replace')
      != _digest(path / f'{key}-cache')
    ]
    for key in bad:
      for suffix in entries[key]:
        (path / f'{key}{suffix}').unlink()
  # A checksum that outlived its entry is no loss.
  return sum('-cache' in entries[key] for key in bad)


def seal(path: pathlib.Path) -> None:
  """Write the checksums that are missing."""
  with _lock(path):  # Under it every entry is whole.
    for key, suffixes in _entries(path).items():
      if suffixes == {'-cache', '-atime'}:
        (path / f'{key}-sha256').write_text(_digest(path / f'{key}-cache'))


def _seal_what_is_stored(path: pathlib.Path) -> None:
  """Seal every program as soon as jax has stored it."""
  storing = False

  def on_event(event: str, **unused: Any):
    nonlocal storing
    storing |= event == '/jax/compilation_cache/cache_misses'

  def on_duration(event: str, duration_secs: float, **unused: Any):
    nonlocal storing
    if storing and event == '/jax/core/compile/backend_compile_duration':
      storing = False
      try:
        seal(path)
      except (OSError, filelock.Timeout) as error:
        logging.info('not sealed: %s', error)  # The next start drops it.

  jax.monitoring.register_event_listener(on_event)
  jax.monitoring.register_event_duration_secs_listener(on_duration)


def _private(path: pathlib.Path) -> pathlib.Path:
  """Return a folder that only this user can touch; made if missing.

  Raises:
    core.UserError: it is a link, somebody else's, or open to others.
  """
  path.mkdir(mode=0o700, exist_ok=True)
  status = path.lstat()
  core.require(
    stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid(),
    f'{path} is not a folder of this user; remove it, or set ART_JAX_HOME',
  )
  core.require(
    not (status.st_mode & 0o077),
    f'{path} is open to other users; do: chmod 700 {path}',
  )
  return path


def _cpu() -> str:
  """Name the kind of CPU: a home may be shared by machines that differ."""
  text = platform.machine()
  try:
    lines = pathlib.Path('/proc/cpuinfo').read_text('utf-8').splitlines()
    text += next((x for x in lines if x.startswith(('flags', 'Features'))), '')
  except OSError:
    text += platform.processor()
  return hashlib.sha256(text.encode()).hexdigest()[:8]


def _lock(path: pathlib.Path) -> filelock.FileLock:
  """Return the lock that jax itself takes to read and write."""
  return filelock.FileLock(path / '.lockfile', timeout=_LOCK_SECONDS)


def _entries(path: pathlib.Path) -> dict[str, set[str]]:
  """Return which files there are of each key."""
  entries = collections.defaultdict(set)
  for file in path.iterdir():
    key, dash, kind = file.name.rpartition('-')
    if dash + kind in _SUFFIXES:
      entries[key].add(dash + kind)
  return entries


def _digest(path: pathlib.Path) -> str:
  with path.open('rb') as file:
    return hashlib.file_digest(file, 'sha256').hexdigest()
