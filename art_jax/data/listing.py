"""The pictures that a path given by the user names."""

import pathlib

from art_jax import core

# Every suffix of the formats that `decode` opens.
SUFFIXES = tuple(
  '.jpg .jpeg .jpe .jfif .mpo .png .apng .webp .avif .avifs .bmp .dib .gif '
  '.tif .tiff .ppm .pgm .pbm .pnm .pfm'.split()
)


def pictures(source: pathlib.Path) -> list[pathlib.Path]:
  """Return a picture, or the pictures of a folder, in order of their names.

  Raises:
    core.UserError: there is none.
  """
  if source.is_file():
    return [source]
  core.require(
    source.exists(), f'--input={source}: there is no such file or folder'
  )
  files = sorted(
    path
    for path in source.iterdir()
    if path.suffix.lower() in SUFFIXES and path.is_file()
  )
  core.require(
    files,
    f'--input={source} holds 0 pictures ({" ".join(SUFFIXES)}); '
    'pass a picture, or a folder with some in it',
  )
  return files
