"""A .zip of many pictures: gathered in a folder, then packed at once.

What is gathered stays in `.NAME.zip.parts` when a command is interrupted or the
disk is full, so that the same command goes on. Memory does not grow with the
number of pictures.
"""

import hashlib
import os
import pathlib
import re
import shutil
import zipfile
from collections.abc import Mapping

from art_jax.core.paths import staged

_COMMENT = 'art_jax made from'
_DATE = (1980, 1, 1, 0, 0, 0)  # the same pictures are the same bytes


def is_zip(output: str | os.PathLike) -> bool:
  """Tell whether an output is a .zip rather than a folder."""
  path = pathlib.Path(output)
  return path.suffix.lower() == '.zip' and not path.is_dir()


def parts(output: pathlib.Path) -> pathlib.Path:
  """Return the folder where the pictures of a .zip are gathered."""
  return output.with_name(f'.{output.name}.parts')


def is_done(output: pathlib.Path, notes: Mapping[str, str]) -> bool:
  """Tell whether a .zip holds what these files are made from.

  Args:
    output: its path.
    notes: of each file, by name.
  """
  try:
    with zipfile.ZipFile(output) as file:
      return file.comment == _comment(notes)
  except (OSError, zipfile.BadZipFile):
    return False


def pack(output: pathlib.Path, notes: Mapping[str, str]) -> None:
  """Make the .zip of the gathered files and remove these; raises OSError.

  Args:
    output: its path.
    notes: of each file, by name.
  """
  folder = parts(output)
  with (
    staged(output) as temporary,
    zipfile.ZipFile(os.fspath(temporary), 'w') as file,
  ):
    file.comment = _comment(notes)
    for name in sorted(notes):
      info = zipfile.ZipInfo(_as_text(name), _DATE)
      info.external_attr = 0o644 << 16
      # Encoded pictures do not get smaller: stored as they are.
      file.writestr(info, (folder / name).read_bytes())
  shutil.rmtree(folder)


def _as_text(name: str) -> str:
  """Return a name in which a byte that is no UTF-8 is written as %E9.

  A .zip has no other word for it.
  """
  return re.sub(
    '[\udc80-\udcff]', lambda byte: f'%{ord(byte[0]) - 0xDC00:X}', name
  )


def _comment(notes: Mapping[str, str]) -> bytes:
  state = hashlib.sha256()
  for name in sorted(notes):
    state.update(f'{_as_text(name)}|{notes[name]}|'.encode())
  return f'{_COMMENT} {state.hexdigest()}'.encode()
