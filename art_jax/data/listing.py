"""The pictures that a path given by the user names."""

import collections
import os
import pathlib
from collections.abc import Iterable, Mapping

from absl import logging

from art_jax import core
from art_jax.core.paths import printable
from art_jax.data.litter import is_litter

# Every suffix of the formats that `decode` opens.
SUFFIXES = tuple(
  '.jpg .jpeg .jpe .jfif .mpo .png .apng .webp .avif .avifs .bmp .dib .gif '
  '.tif .tiff .ppm .pgm .pbm .pnm .pfm'.split()
)
TABLE = '.csv'  # of attributes, among pictures
_SHOWN = 8  # suffixes that a line names


def by_suffix(names: Iterable[str]) -> collections.Counter[str]:
  """Count files by suffix, tables apart; '' is that of names without one."""
  suffixes = (os.path.splitext(name)[1].lower() for name in names)
  return collections.Counter(s for s in suffixes if s != TABLE)


def left_out(others: Mapping[str, int]) -> str:
  """Return what to say of files that are no pictures; '' if there is none."""
  if not others:
    return ''
  count = sum(others.values())
  ordered = sorted(others.items(), key=lambda pair: (-pair[1], pair[0]))
  shown = [f'{printable(s) or "no suffix"} {n}' for s, n in ordered[:_SHOWN]]
  shown += ['...'] * (len(others) > _SHOWN)
  files = 'file' if count == 1 else 'files'
  return f'{count} {files} of other kinds left out ({", ".join(shown)})'


def pictures(source: pathlib.Path, flag: str = '--input') -> list[pathlib.Path]:
  """Return a picture, or the pictures of a folder, in order of their names.

  Hidden files (`._x.jpg`) and special files are left out; a link that leads
  nowhere is listed, so that whoever reads it names it.

  Args:
    source: the picture or the folder.
    flag: that named it, for errors.

  Raises:
    core.UserError: there is none, or the folder cannot be listed.
  """
  try:
    if source.is_file():
      return [source]
    core.require(
      source.exists(), f'{flag}={source}: there is no such file or folder'
    )
    files = sorted(filter(_is_picture, source.iterdir()))
  except OSError as error:
    raise core.UserError(
      f'{flag}={source} cannot be read ({error.strerror}); pass a picture, '
      'or a folder with some in it'
    ) from error
  core.require(
    files,
    f'{flag}={source} holds 0 pictures ({" ".join(SUFFIXES)}); '
    'pass a picture, or a folder with some in it',
  )
  if others := left_out(by_suffix(_other_files(source))):
    logging.warning('%s: %s', printable(str(source)), others)
  return files


def _is_picture(path: pathlib.Path) -> bool:
  named = path.suffix.lower() in SUFFIXES and not is_litter(path.name)
  return named and (path.is_file() or not path.exists())


def _other_files(folder: pathlib.Path) -> list[str]:
  return [
    path.name
    for path in folder.iterdir()
    if path.suffix.lower() not in SUFFIXES
    and not is_litter(path.name)
    and path.is_file()
  ]
