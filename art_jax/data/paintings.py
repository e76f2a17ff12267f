"""Paintings that a config names: files, or built-in ones."""

import pathlib
import re

import numpy as np
from PIL import Image

from art_jax import core
from art_jax.media import images

_BUILTIN = re.compile(r'builtin(?::(\d+))?(:photo)?')


def read(name: str, size: int) -> np.ndarray:
  """Return a painting, its longest side `size`.

  Args:
    name: path of a picture; or 'builtin' or 'builtin:7', a procedural painting
      of 512 px, and 'builtin:7:photo', the same scene as a photo.
    size: in pixels.

  Returns:
    f32[1, h, w, 3] in [-1, 1].

  Raises:
    core.UserError: there is no such file, or it is no picture.
  """
  image = _open(name)
  return images.resized(image, images.shape_of(image, size, 1))[None]


def scene(number: int, *, photo: bool = False) -> Image.Image:
  """Return a built-in scene of 512 px, painted or as a photo."""
  from art_jax.data import procedural

  drawn = procedural.render(0, 1, 512, first=number)
  return Image.fromarray((drawn.photo if photo else drawn.painting)[0])


def _open(name: str) -> Image.Image:
  from art_jax.data import decode

  if builtin := _BUILTIN.fullmatch(name):
    return scene(int(builtin[1] or 0), photo=bool(builtin[2]))
  path = pathlib.Path(name).expanduser()
  core.require(
    path.is_file(),
    f'the painting {name!r} does not exist; pass the path of a picture, or '
    'builtin, builtin:1, ...',
  )
  return decode.picture(path).convert('RGB')
