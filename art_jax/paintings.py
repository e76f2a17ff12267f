"""Paintings that a config names: files, or built-in ones."""

import pathlib
import re

import numpy as np
from PIL import Image

from art_jax import core, images

BUILTIN = re.compile(r'builtin(?::(\d+))?')


def read(name: str, size: int) -> np.ndarray:
  """Return a painting, its longest side `size`.

  Args:
    name: path of a picture, or 'builtin' or 'builtin:7', a procedural painting.
    size: in pixels.

  Returns:
    f32[1, h, w, 3] in [-1, 1].

  Raises:
    core.UserError: there is no such file, or it is no picture.
  """
  image = _open(name)
  scale = size / max(image.size)
  shape = [max(round(side * scale), 1) for side in image.size]
  resized = image.resize(shape, Image.Resampling.LANCZOS)
  return images.from_uint8(np.asarray(resized)[None])


def title(name: str) -> str:
  """Return what a painting is called: the stem of its file, or builtin_7."""
  if BUILTIN.fullmatch(name):
    return name.replace(':', '_')
  return pathlib.Path(name).stem


def _open(name: str) -> Image.Image:
  from art_jax.data import decode, procedural

  builtin = BUILTIN.fullmatch(name)
  if builtin:
    scene = procedural.render(0, 1, 512, first=int(builtin[1] or 0))
    return Image.fromarray(scene.painting[0])
  path = pathlib.Path(name).expanduser()
  if not path.is_file():
    raise core.UserError(
      f'the painting {name!r} does not exist; pass the path of a picture, or '
      'builtin, builtin:1, ...'
    )
  return decode.picture(path).convert('RGB')
