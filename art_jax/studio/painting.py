"""The task that paints a picture large, with strokes of other pictures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from art_jax import core
from art_jax.config import serialization
from art_jax.data.sources import Tfds
from art_jax.media import images
from art_jax.painter import compose, gallery, request, session
from art_jax.painter.settings import Painter
from art_jax.runs import painted
from art_jax.studio import models, pictures


def paint(
  values: Mapping[str, Any], blobs: Sequence[bytes], tell: Callable[..., None]
) -> tuple[dict[str, Any], list[bytes]]:
  """Paint a picture; tell each scale with a preview.

  Args:
    values: 'size', 'quality', 'num_sources', 'variation', 'seed', and a run
      whose training pictures give the strokes where no sources are sent.
    blobs: the picture, then the sources.
    tell: takes what is done, and a PNG.
  """
  picture, *sources = map(models.opened, blobs)
  painter = Painter(
    size=values['size'],
    quality=values['quality'],
    num_sources=values['num_sources'],
  )
  tell('loading the feature network')
  variables = request.variables_of(painter)
  tell('reading the pictures to paint with')
  if sources:
    chosen = _of_uploads(sources)
  else:
    run = models.load(values)
    _require_local(run.experiment.data.source)
    chosen = request.open_gallery(request.Request(run=run))
  scales = iter(painter.sizes)
  next_scale = f'painting at {next(scales)} pixels'

  def show(pixels: np.ndarray) -> None:
    size = next(scales, None)
    text = 'finishing' if size is None else f'painting at {size} pixels'
    tell(text, pictures.preview(images.to_uint8(np.asarray(pixels))))

  atelier = session.Atelier(painter, chosen, variables, tell, show)
  (composition,) = compose.of_pictures({'picture.png': picture})
  tell(next_scale)
  made, notes = atelier.paint(composition, values['variation'], values['seed'])
  used = ', '.join(notes['sources'])
  message = painted.describe(notes).partition('; ')[2]
  return {
    'message': message,
    'sources': used,
    'files': ['painted.png'],
    'width': made.pixels.shape[1],
    'height': made.pixels.shape[0],
  }, [pictures.png(made.pixels)]


def _require_local(source: Any) -> None:
  """Refuse pictures that would have to be fetched."""
  text = serialization.to_text(source)
  core.require(
    not isinstance(source, Tfds) and 'hf:' not in text and '://' not in text,
    'the pictures of this run may have to be fetched, and the studio fetches '
    'nothing; drop paintings to paint with, or use art_jax paint',
  )


def _of_uploads(sources: Sequence[Image.Image]) -> gallery.Gallery:
  core.require(len(sources) <= 4, 'paint with four pictures at most')
  names = tuple(f'picture {i + 1}' for i in range(len(sources)))
  return gallery.Gallery(names, lambda i: sources[i])
