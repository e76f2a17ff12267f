"""What the worker does: each task takes values and bytes, and returns such.

Values come from a browser through `requests`, which has checked their kinds;
what they mean for a model is checked here, by the model.
"""

import pathlib
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from PIL import Image

from art_jax import core
from art_jax.algorithms import attributes
from art_jax.inference import run as runs
from art_jax.media import cielab, images, video
from art_jax.sampling import generate, labels, study
from art_jax.studio import models, painting, pictures

Values = Mapping[str, Any]
Tell = Callable[..., None]
Result = tuple[dict[str, Any], list[bytes]]


def sample(values: Values, blobs: Sequence[bytes], tell: Tell) -> Result:
  """Make `count` pictures of seeds from `seed` on, each by itself.

  Each depends on its own seed and label alone, and any count runs the same
  compiled program.
  """
  model = models.load(values)
  _require_generator(model)
  began = time.monotonic()
  made = [
    _png(picture(model, values['seed'] + i, values))
    for i in range(values['count'])
  ]
  milliseconds = round(1000 * (time.monotonic() - began))
  return {'milliseconds': milliseconds, 'step': model.step}, made


def picture(model: runs.Run, seed: int, values: Values) -> np.ndarray:
  """Return the picture u8[H, W, C] of a seed, as `Run.sample` makes it."""
  algorithm: Any = model.algorithm
  rows = generate.latents(algorithm, seed, 1)
  if (keep := values.get('truncation', 1.0)) < 1:
    prior = generate.latents(algorithm, 0, 64)
    center = 0.0 if prior.min() < 0 < prior.max() else prior.mean()
    rows = (center + keep * (rows - center)).astype(rows.dtype)
  return generate.generate_bytes(
    model.experiment,
    model.params,
    rows,
    conditions(model, values),
    seed=seed,
  )[0]


def conditions(model: runs.Run, values: Values) -> Any:
  """Return the labels of one picture: its class, its attributes, or None."""
  algorithm = model.algorithm
  if known := core.attributes(algorithm):
    asked = values.get('attributes') or {}
    return np.asarray(
      attributes.ask(
        known, {one.name: _value(one, asked.get(one.name)) for one in known}, 1
      )
    )
  label = values.get('label')
  if label is None and core.num_classes(algorithm):
    label = 0
  numbers = labels.numbers(label, algorithm, model.class_names)
  return labels.deal(numbers, 1)


def _value(attribute: Any, asked: Any) -> Any:
  """Return an attribute as `ask` takes it; of a palette, from #rrggbb."""
  if not isinstance(attribute, attributes.Palette):
    return asked
  text = asked or '#808080'
  rgb = [int(text[i : i + 2], 16) / 127.5 - 1 for i in (1, 3, 5)]
  lab = cielab.rgb_to_lab(jnp.asarray(rgb, jnp.float32)[None, None, None])
  return np.asarray(lab)[0, 0, 0]


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
  module = study.find(model, name)
  tell('making the pictures')
  result = module.study(model, request)
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
  pixels = np.asarray(photo)
  if model.experiment.data.channels == 1:
    pixels = np.asarray(photo.convert('L'))[..., None]
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
  side = model.experiment.data.size
  small = photo.resize((side, side), Image.Resampling.BICUBIC)
  hole = np.asarray(mask.convert('L').resize((side, side))) > 127
  core.require(hole.any(), 'paint over the part that the model is to repaint')
  made = model.inpaint(np.asarray(small), hole, seed=values['seed'])
  return {'step': model.step, 'width': side, 'height': side}, [_png(made)]


def _style(painting: Image.Image, size: int) -> np.ndarray:
  return images.resized(painting, images.shape_of(painting, size, 1))[None]


def _require_generator(model: runs.Run) -> None:
  core.require(
    isinstance(model.algorithm, core.Generative),
    f'{type(model.algorithm).__name__} makes no pictures of seeds; use a run '
    'of a GAN, a diffusion model, a VAE or an autoencoder',
  )


def _png(pixels: np.ndarray) -> bytes:
  return pictures.png(np.asarray(pixels))


TASKS: dict[str, Callable[[Values, Sequence[bytes], Tell], Result]] = {
  'sample': sample,
  'show': show,
  'translate': translate,
  'inpaint': inpaint,
  'paint': painting.paint,
}
