"""Data sets of the Hugging Face Hub as folders: 'hf:owner/name[:split]'."""

import functools
import hashlib
import os
import pathlib
import re
import shutil
import tempfile

from absl import logging

from art_jax import core
from art_jax.core import hub
from art_jax.core.paths import home
from art_jax.data import archives, listing

# What the hub makes of a data set that has no parquet files of its own.
_CONVERTED = 'refs/convert/parquet'
# Kinds of files, the first that a repository has is read.
_KINDS = (
  re.compile(r'\.parquet$'),
  re.compile(r'\.tfrec(ord)?s?(-\d+-of-\d+)?(\.gz)?$'),
  re.compile('|'.join(f'{re.escape(s)}$' for s in listing.SUFFIXES)),
  re.compile('|'.join(f'{re.escape(s)}$' for s in archives.SUFFIXES)),
)


@functools.lru_cache(maxsize=16)
def folder(text: str) -> str:
  """Return the folder (or archive) of a set, downloading it once.

  Raises:
    core.UserError: it cannot be reached, or holds no pictures.
  """
  name = hub.pin(hub.parse(text), 'dataset')
  key = hashlib.sha256(str(name).encode()).hexdigest()[:32]
  target = home() / 'hub' / key
  if not target.is_dir():
    _link(name, target)
  inside = sorted(target.iterdir())
  if len(inside) == 1 and archives.is_archive(str(inside[0])):
    return str(inside[0])
  return str(target)


def _link(name: hub.Name, target: pathlib.Path) -> None:
  """Make a folder of links to the files of a set."""
  revision, chosen = _choose(name)
  logging.info('data: %s: downloading %d files', name, len(chosen))
  source = hub.fetch(name, 'dataset', chosen, revision)
  target.parent.mkdir(exist_ok=True)
  temporary = pathlib.Path(tempfile.mkdtemp(prefix='.part_', dir=target.parent))
  try:
    for file in chosen:
      link = temporary / file
      link.parent.mkdir(parents=True, exist_ok=True)
      link.symlink_to(os.path.realpath(source / file))
    try:
      temporary.rename(target)
    except OSError:
      if not target.is_dir():  # else another process was faster
        raise
  finally:
    shutil.rmtree(temporary, ignore_errors=True)


def _choose(name: hub.Name) -> tuple[str, list[str]]:
  """Return the revision and the files to read."""
  every = hub.files(name, 'dataset')
  revision, chosen = name.revision, _of_first_kind(every)
  if not (chosen and _KINDS[0].search(chosen[0])):
    converted = _one_config(
      _of_first_kind(hub.files(name, 'dataset', _CONVERTED))
    )
    if converted and not chosen:
      revision, chosen = _CONVERTED, converted
  core.require(
    chosen,
    f'{name} holds no pictures: its {len(every)} files are '
    f'{", ".join(every[:5])}{", ..." * (len(every) > 5)}; name a data set with '
    'parquet, TFRecord, tar, zip or picture files',
  )
  if name.part:
    part = re.compile(rf'(?:^|/){re.escape(name.part)}(?=[-_./\d])')
    inside = [file for file in chosen if part.search(file)]
    core.require(
      inside,
      f'{name}: none of its {len(chosen)} files is of {name.part!r}, e.g. '
      f'{chosen[0]!r}; leave it out to read all',
    )
    chosen = inside
  return revision, chosen


def _of_first_kind(files: list[str]) -> list[str]:
  for kind in _KINDS:
    chosen = [file for file in files if kind.search(file.lower())]
    if chosen:
      return chosen
  return []


def _one_config(files: list[str]) -> list[str]:
  """Return the files of the default configuration, or of the first."""
  configs = sorted({file.partition('/')[0] for file in files})
  chosen = 'default' if 'default' in configs else ''.join(configs[:1])
  return [file for file in files if file.startswith(f'{chosen}/')]
