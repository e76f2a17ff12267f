"""Measures how far painted pictures or clips are from a painting in style.

  python -m tools.studies.style_distance a.png b.mp4 --style=painting.jpg

Over the fire outputs of SqueezeNet, the sum of |G - A|^2 / |A|^2 of the Gram
matrices of picture and painting; of a clip the mean over its frames.
"""

import numpy as np

from art_jax.data import decode
from art_jax.media import video
from tools import command
from tools.studies import nnst_beside


def main(
  pictures: tuple[str, ...],
  *,
  style: str,
  size: command.Count = 256,
  network: str = 'squeezenet1_1',
) -> None:
  """Print a line for each picture.

  Args:
    pictures: pictures, or clips (.mp4).
    style: the painting.
    size: longest side of the painting.
    network: weights of SqueezeNet.
  """
  painting = decode.picture(style).convert('RGB')
  distance = nnst_beside.style_distance(network, painting, size)
  for name in pictures:
    values = [distance(frame) for frame in _frames(name)]
    print(
      f'{name}: style distance {np.mean(values):.4g}, {len(values)} frame(s)'
    )


def _frames(name: str):
  """Yield the frames of a clip; of a picture itself."""
  if not name.endswith('.mp4'):
    yield np.asarray(decode.picture(name).convert('RGB'))
    return
  yield from video.read(name)


if __name__ == '__main__':
  command.run(main)
