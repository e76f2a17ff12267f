"""What the worker does: each task takes values and bytes, and returns such.

Values come from a browser through `requests`, which has checked their kinds;
what they mean for a model is checked here, by the model.
"""

import pathlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from art_jax import core
from art_jax.media import images, video
from art_jax.sampling import study
from art_jax.studio import models, painting, pictures, seeds, stylizing

Values = Mapping[str, Any]
Tell = Callable[..., None]
Result = tuple[dict[str, Any], list[bytes]]


def show(values: Values, blobs: Sequence[bytes], tell: Tell) -> Result:
  """Do a study: 'interpolate' (a walk) or 'classes'; return its files."""
  model = models.load(values)
  request = study.Request(
    num=values['count'],
    seed=values['seed'],
    labels=tuple(values.get('labels') or ()),
    frames=values.get('frames'),
  )
  name = values['study']
  tell('making the pictures')
  if name == 'interpolate':
    result = seeds.walk(model, values)
  else:
    result = study.find(model, name).study(model, request)
  files = {f'{stem}.png': _png(p) for stem, p in result.pictures.items()}
  with tempfile.TemporaryDirectory(prefix='art_jax_studio_') as folder:
    for stem, film in result.films.items():
      tell('writing the film')
      gif, clip = (pathlib.Path(folder, f'{stem}.{x}') for x in ('gif', 'mp4'))
      images.gif(gif, film.frames, film.fps)
      video.write(clip, film.frames, film.fps)
      files |= {path.name: path.read_bytes() for path in (gif, clip)}
  return {'message': result.message, 'files': list(files)}, [*files.values()]


def translate(values: Values, blobs: Sequence[bytes], tell: Tell) -> Result:
  """Translate a photo; of a model that paints like any painting, like more."""
  photo, *paintings = map(models.opened, blobs)
  model = models.load(values)
  if isinstance(model.algorithm, core.Stylable):
    core.require(
      paintings, 'this model paints like any painting: drop a painting too'
    )
    size = model.algorithm.style_size
    model = model.styled([_style(one, size) for one in paintings])
  direction = model.direction(values.get('direction') or None)
  pixels = images.of_pillow(photo, model.experiment.data.channels)
  made = model.translate(pixels, direction)
  return {
    'step': model.step,
    'direction': direction,
    'width': photo.width,
    'height': photo.height,
  }, [_png(made)]


def inpaint(values: Values, blobs: Sequence[bytes], tell: Tell) -> Result:
  """Repaint the white part of a mask in a picture."""
  photo, mask = map(models.opened, blobs)
  model = models.load(values)
  data = model.experiment.data
  side = data.size
  small = photo.resize((side, side), Image.Resampling.BICUBIC)
  hole = np.asarray(mask.convert('L').resize((side, side))) > 127
  core.require(hole.any(), 'paint over the part that the model is to repaint')
  pixels = images.of_pillow(small, data.channels)
  made = model.inpaint(pixels, hole, seed=values['seed'])
  return {'step': model.step, 'width': side, 'height': side}, [_png(made)]


def _style(painting: Image.Image, size: int) -> np.ndarray:
  return images.resized(painting, images.shape_of(painting, size, 1))[None]


def _png(pixels: np.ndarray) -> bytes:
  return pictures.png(np.asarray(pixels))


TASKS: dict[str, Callable[[Values, Sequence[bytes], Tell], Result]] = {
  'sample': seeds.sample,
  'show': show,
  'translate': translate,
  'inpaint': inpaint,
  'paint': painting.paint,
  'stylize': stylizing.stylize,
}
