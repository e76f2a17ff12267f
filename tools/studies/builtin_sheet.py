"""Draw the built-in pictures: photo, painting and label map, a genre a column.

python -m tools.studies.builtin_sheet --output=docs/pictures/builtin.jpg
"""

import pathlib

import numpy as np
from absl import app, flags
from PIL import Image

from art_jax.data import procedural
from art_jax.media import images

_OUTPUT = flags.DEFINE_string(
  'output', None, 'Picture to write.', required=True
)
_SEED = flags.DEFINE_integer('seed', 21, 'Seed of the scenes.')
_SIZE = flags.DEFINE_integer('size', 192, 'Side of one picture, in pixels.')


def main(argv: list[str]) -> None:
  """Write the sheet."""
  del argv
  scenes = procedural.render(_SEED.value, 5, _SIZE.value)
  rows = np.concatenate([scenes.photo, scenes.painting, scenes.labels])
  path = pathlib.Path(_OUTPUT.value)
  path.parent.mkdir(parents=True, exist_ok=True)
  Image.fromarray(images.grid(rows, columns=5)).save(path, quality=88)
  print(path)


if __name__ == '__main__':
  app.run(main)
