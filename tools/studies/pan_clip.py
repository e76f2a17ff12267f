"""Make a clip by panning over a picture: a scene that only moves.

  python -m tools.studies.pan_clip --picture=photo.jpg --output=pan.mp4 \
    --size=320x240 --frames=16 --step=6,2

The window moves by `step` pixels (across, down) a frame, fractions too, and
turns around at the borders. --step=0,0 makes a still clip.
"""

import numpy as np
from absl import app, flags
from PIL import Image

from art_jax import core
from art_jax.data import decode, paintings
from art_jax.media import video

flags.DEFINE_string('picture', 'builtin:0', 'A picture, or builtin:N.')
flags.DEFINE_string('output', None, 'The clip (.mp4).', required=True)
flags.DEFINE_string('size', '320x240', 'Of the window.')
flags.DEFINE_integer('frames', 16, 'How many.', 1)
flags.DEFINE_list('step', ['6', '2'], 'Pixels a frame, across and down.')
flags.DEFINE_float('fps', 12, 'Frames a second.')
FLAGS = flags.FLAGS


def windows(picture, size, step, count):
  """Yield u8[H, W, 3], `count` windows of (width, height) pixels."""
  room = np.array(picture.size) - size
  if min(room) < 0:
    raise core.UserError(
      f'--size={size}: larger than the picture ({picture.size}); pass a '
      'smaller one'
    )
  for number in range(count):
    at = number * np.array(step, float)
    # There and back again: a triangle wave of the room.
    left, top = room - np.abs(at % np.maximum(2 * room, 1) - room)
    box = (left, top, left + size[0], top + size[1])
    yield np.asarray(picture.resize(size, Image.Resampling.BICUBIC, box))


def main(argv: list[str]) -> None:
  """Make the clip."""
  del argv
  name = FLAGS.picture
  if name.startswith('builtin'):
    picture = paintings.scene(int(name.partition(':')[2] or 0), photo=True)
  else:
    picture = decode.picture(name).convert('RGB')
  size = tuple(int(x) for x in FLAGS.size.split('x'))
  step = [float(x) for x in FLAGS.step]
  count = video.write(
    FLAGS.output, windows(picture, size, step, FLAGS.frames), FLAGS.fps
  )
  print(f'{count} frames: {FLAGS.output}')


if __name__ == '__main__':
  app.run(main)
