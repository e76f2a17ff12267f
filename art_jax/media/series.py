"""Many pictures written one by one; what is there already is not made again."""

import pathlib
from collections.abc import Callable, Sequence

import numpy as np
import tqdm

from art_jax.core.paths import make_folder, require_free
from art_jax.media import packed, picture_format
from art_jax.media.picture_format import Format


def write(
  output: pathlib.Path,
  stems: Sequence[str],
  notes: Sequence[str],
  make: Callable[[int], np.ndarray],
  length: int,
  fmt: Format,
  *,
  overwrite: bool = False,
) -> tuple[int, int]:
  """Write a series of pictures into a folder or a .zip.

  Args:
    output: a folder, made if missing, or a .zip.
    stems: names of the files, without the suffix.
    notes: what each is made from; kept in it, to know it again.
    make: index of the first -> `length` pictures u8[n, H, W, C], fewer at the
      end.
    length: of a chunk.
    fmt: how they are encoded.
    overwrite: replace files that exist.

  Returns:
    How many were written, and how many were there.

  Raises:
    core.UserError: another file has the name of one.
    OSError: the disk is full; the same call does what is left.
  """
  by_name = {
    f'{stem}{fmt.suffix}': note for stem, note in zip(stems, notes, strict=True)
  }
  folder = output
  if packed.is_zip(output):
    if not overwrite and packed.is_done(output, by_name):
      return 0, len(by_name)
    require_free(output, overwrite)
    folder = packed.parts(output)
  names = list(by_name)
  # Parts are ours: those of another command may be replaced.
  left = _left(folder, by_name, overwrite, ours=folder is not output)
  make_folder(folder)
  with tqdm.tqdm(total=len(left), unit='picture', disable=None) as bar:
    for start in range(0, len(names), length):
      chunk = range(start, min(start + length, len(names)))
      if not any(names[i] in left for i in chunk):
        continue
      made = make(start)
      for i in chunk:
        if names[i] in left:
          note = by_name[names[i]]
          picture_format.write(folder / names[i], made[i - start], fmt, note)
          bar.update()
  if folder is not output:
    packed.pack(output, by_name)
  return len(left), len(names) - len(left)


def _left(
  folder: pathlib.Path, by_name: dict[str, str], overwrite: bool, ours: bool
) -> set[str]:
  """Return the names of the pictures that are not there."""
  left = set()
  for name, note in by_name.items():
    if not (folder / name).exists():
      left.add(name)
    elif overwrite or picture_format.note(folder / name) != note:
      require_free(folder / name, overwrite or ours)
      left.add(name)
  return left
