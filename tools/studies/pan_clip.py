"""Makes a clip by panning over a picture: a scene that only moves.

  python -m tools.studies.pan_clip --picture=photo.jpg --output=pan.mp4 \
    --size=320x240 --frames=16 --step=6,2

The window moves by `step` pixels (across, down) a frame, fractions too, and
turns around at the borders. --step=0,0 makes a still clip.
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from art_jax import core
from art_jax.data import decode, paintings
from art_jax.media import video
from tools import command


def windows(
  picture: Image.Image,
  size: tuple[int, int],
  step: tuple[float, ...],
  count: int,
) -> Iterator[np.ndarray]:
  """Yield u8[H, W, 3], `count` windows of (width, height) pixels."""
  room = np.array(picture.size) - size
  core.require(
    min(room) >= 0,
    f'--size={size}: larger than the picture ({picture.size}); pass a '
    'smaller one',
  )
  for number in range(count):
    at = number * np.array(step)
    # There and back again: a triangle wave of the room.
    left, top = room - np.abs(at % np.maximum(2 * room, 1) - room)
    box = (left, top, left + size[0], top + size[1])
    yield np.asarray(picture.resize(size, Image.Resampling.BICUBIC, box))


def main(
  *,
  picture: str = 'builtin:0',
  output: str,
  size: str = '320x240',
  frames: command.Count = 16,
  step: tuple[float, ...] = (6, 2),
  fps: float = 12,
) -> None:
  """Make the clip.

  Args:
    picture: a picture, or builtin:N.
    output: the clip (.mp4).
    size: of the window.
    frames: how many.
    step: pixels a frame, across and down.
    fps: frames a second.
  """
  image = (
    paintings.scene(int(picture.partition(':')[2] or 0), photo=True)
    if picture.startswith('builtin')
    else decode.picture(picture).convert('RGB')
  )
  width, height = (int(x) for x in size.split('x'))
  moving = windows(image, (width, height), step, frames)
  print(f'{video.write(output, moving, fps)} frames: {output}')


if __name__ == '__main__':
  command.run(main)
