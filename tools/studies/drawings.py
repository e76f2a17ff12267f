"""Eight drawings of flat shapes, to paint.

  python -m tools.studies.drawings FOLDER
  art_jax paint --content=FOLDER --sources=PAINTINGS --output=PAINTED

A field with a tree, a vase, a face, a street, a boat, hills, a room and
stripes: what a hand draws in a minute, in a few colors.
"""

import pathlib

from PIL import Image, ImageDraw

from tools import command

_SIZE = 384, 288


def main(folder: str) -> None:
  """Write the drawings as PNG files.

  Args:
    folder: where to; it is made.
  """
  path = pathlib.Path(folder)
  path.mkdir(parents=True, exist_ok=True)
  for name, draw in DRAWINGS.items():
    image = Image.new('RGB', _SIZE)
    draw(ImageDraw.Draw(image))
    image.save(path / f'{name}.png')


def _field(pen: ImageDraw.ImageDraw) -> None:
  pen.rectangle((0, 0, 384, 150), '#7fa8d8')
  pen.rectangle((0, 150, 384, 288), '#d9b648')
  pen.rectangle((262, 120, 280, 220), '#4a3524')
  pen.ellipse((215, 35, 330, 150), '#2f5a34')


def _vase(pen: ImageDraw.ImageDraw) -> None:
  pen.rectangle((0, 0, 384, 200), '#cfc79a')
  pen.rectangle((0, 200, 384, 288), '#8a5a33')
  pen.polygon([(155, 150), (229, 150), (214, 250), (170, 250)], '#3f6a8c')
  for x, y in ((140, 90), (192, 60), (244, 92), (168, 120), (220, 126)):
    pen.ellipse((x - 32, y - 32, x + 32, y + 32), '#e0902a')
    pen.ellipse((x - 11, y - 11, x + 11, y + 11), '#5d3413')


def _face(pen: ImageDraw.ImageDraw) -> None:
  pen.rectangle((0, 0, 384, 288), '#5f8f86')
  pen.polygon([(80, 288), (130, 225), (254, 225), (304, 288)], '#27344f')
  pen.ellipse((122, 45, 262, 245), '#d6a070')
  pen.pieslice((112, 25, 272, 195), 180, 360, '#8a3d1c')
  for x in (158, 206):
    pen.ellipse((x, 125, x + 22, 139), '#1d2a2c')
  pen.polygon([(190, 140), (178, 182), (204, 182)], '#b57a4e')
  pen.rectangle((166, 203, 216, 213), '#9a4034')


def _street(pen: ImageDraw.ImageDraw) -> None:
  pen.rectangle((0, 0, 384, 288), '#9fc0dc')
  pen.polygon([(0, 30), (150, 110), (150, 190), (0, 288)], '#c9a56c')
  pen.polygon([(384, 10), (234, 105), (234, 190), (384, 288)], '#b4714a')
  pen.polygon([(150, 188), (234, 188), (384, 288), (0, 288)], '#a89c86')
  for x, y in ((30, 110), (85, 130), (275, 125), (330, 105)):
    pen.rectangle((x, y, x + 22, y + 40), '#33415a')


def _boat(pen: ImageDraw.ImageDraw) -> None:
  pen.rectangle((0, 0, 384, 130), '#b9d2e0')
  pen.rectangle((0, 130, 384, 288), '#3f7f8f')
  pen.polygon([(110, 190), (284, 190), (250, 232), (140, 232)], '#7a2f22')
  pen.rectangle((192, 50, 199, 190), '#3a2a1c')
  pen.polygon([(199, 55), (199, 178), (280, 178)], '#eee3c4')


def _hills(pen: ImageDraw.ImageDraw) -> None:
  pen.rectangle((0, 0, 384, 288), '#e8c37a')
  pen.polygon(
    [(0, 140), (110, 70), (240, 150), (384, 85), (384, 288), (0, 288)],
    '#6d7fa8',
  )
  pen.polygon(
    [(0, 200), (150, 140), (384, 210), (384, 288), (0, 288)], '#5c8a4c'
  )
  pen.polygon(
    [(0, 260), (220, 205), (384, 265), (384, 288), (0, 288)], '#35603a'
  )


def _room(pen: ImageDraw.ImageDraw) -> None:
  pen.rectangle((0, 0, 384, 190), '#8fb3c8')
  pen.polygon([(0, 190), (384, 190), (384, 288), (0, 288)], '#b5794c')
  pen.rectangle((150, 35, 234, 125), '#e9e2a6')
  pen.rectangle((188, 35, 195, 125), '#4a5a3a')
  pen.polygon([(230, 175), (384, 175), (384, 262), (250, 262)], '#b0392c')
  pen.rectangle((240, 125, 256, 262), '#c98a3a')
  pen.rectangle((60, 165, 122, 178), '#c9a23a')
  for x in (62, 114):
    pen.rectangle((x, 178, x + 7, 240), '#8a6a22')


def _stripes(pen: ImageDraw.ImageDraw) -> None:
  colors = '#23395b', '#d9a441', '#4c7a4f', '#b5482f', '#e6dcc3', '#5b4a7a'
  for i, color in enumerate(colors):
    pen.rectangle((64 * i, 0, 64 * i + 63, 288), color)


DRAWINGS = {
  'field': _field,
  'vase': _vase,
  'face': _face,
  'street': _street,
  'boat': _boat,
  'hills': _hills,
  'room': _room,
  'stripes': _stripes,
}


if __name__ == '__main__':
  command.run(main)
