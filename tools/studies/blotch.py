"""Measures the largest white or black blotch that a network paints.

  python -m tools.studies.blotch --run=runs/fast_style \
    --pictures=chelsea.png,coffee.png

Of each photo, in percent of the pixels: the largest connected spot that is near
white (all channels at least 240) or near black (at most 15) in the result and
not in the photo.
"""

from typing import Any

import numpy as np
import scipy.ndimage

from art_jax.data import decode
from art_jax.inference import run as runs
from art_jax.media import images
from tools import command

_WHITE, _BLACK = 240, 15


def main(
  *,
  run: str,
  pictures: tuple[str, ...],
  size: command.Count = 256,
  output: str = '',
) -> None:
  """Print a line for each photo and one for the largest of all.

  Args:
    run: the folder that training wrote.
    pictures: photos.
    size: their longest side.
    output: a sheet of photos and results (PNG).
  """
  model, found, sheet = runs.load(run), [], []
  for name in pictures:
    photo = decode.picture(name).convert('RGB')
    pixels = images.to_uint8(
      images.resized(photo, images.shape_of(photo, size, 1, both=True))
    )
    made = model.translate(pixels)
    found.append([largest(made, pixels, white) for white in (True, False)])
    sheet += [square(pixels, size), square(made, size)]
    print(f'{name}: white {found[-1][0]:.3f} %, black {found[-1][1]:.3f} %')
  white, black = np.max(found, axis=0)
  print(f'largest: white {white:.3f} %, black {black:.3f} %')
  if output:
    images.save_png(output, images.grid(np.stack(sheet), 2))


def largest(made: np.ndarray, photo: np.ndarray, white: bool) -> float:
  """Return the share in percent of the largest spot that a photo lacks."""
  spot = near(made, white) & ~near(photo, white)
  labels: Any = scipy.ndimage.label(spot)
  sizes = np.bincount(labels[0].ravel())[1:]
  return 100 * float(sizes.max(initial=0)) / spot.size


def near(pixels: np.ndarray, white: bool) -> np.ndarray:
  """Return b[H, W]: near white, or near black."""
  if white:
    return np.all(pixels >= _WHITE, axis=-1)
  return np.all(pixels <= _BLACK, axis=-1)


def square(pixels: np.ndarray, size: int) -> np.ndarray:
  """Return a picture on a white square."""
  h, w = pixels.shape[:2]
  top, left = (size - h) // 2, (size - w) // 2
  around = ((top, size - h - top), (left, size - w - left), (0, 0))
  return np.pad(pixels, around, constant_values=255)


if __name__ == '__main__':
  command.run(main)
