"""Paint many compositions into a folder, from where the last call stopped."""

import concurrent.futures
import dataclasses
import pathlib
import queue
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from PIL import Image, ImageOps

from art_jax import core
from art_jax.core import paths
from art_jax.core.version import VERSION
from art_jax.data import decode
from art_jax.media import images
from art_jax.painter import choose, paint
from art_jax.painter.compose import Composition
from art_jax.painter.gallery import (
  Description,
  Features,
  Gallery,
  cropped,
  describe,
  trimmed,
)
from art_jax.painter.plan import Work
from art_jax.painter.settings import MIN_SIZE, Painter
from art_jax.runs import painted

_SHEET_SIDE = 256  # of each painting in it


class Atelier:
  """A gallery and the feature network, ready to paint compositions."""

  def __init__(
    self,
    painter: Painter,
    gallery: Gallery,
    variables: Any,
    say: Callable[[str], object] = lambda line: None,
    show: Callable[[np.ndarray], object] = lambda pixels: None,
  ):
    """Prepare to paint.

    Args:
      painter: the settings.
      gallery: the pictures to paint with.
      variables: of the feature network.
      say: takes lines for the user.
      show: takes the picture f32[h, w, 3] of each scale.
    """
    self._painter, self._gallery, self._say = painter, gallery, say
    self._variables = variables
    self._show = show
    self._features = Features(painter.nnst.features, variables)
    self.described: dict[float, Description] = {}

  def describe(self, gallery: Gallery, aspect: float) -> Description:
    """Return what pictures are compared by, cut to an aspect."""
    return describe(gallery, self._features, aspect)

  def paint(
    self, composition: Composition, variation: int = 0, seed: int = 0
  ) -> tuple[paint.Painting, dict[str, Any]]:
    """Return a painting of a composition, and what to note of it.

    Args:
      composition: what is painted.
      variation: 0 for the sources that fit best, 1 for the next ones, ...
      seed: of the random draws.

    Raises:
      core.UserError: no source can be read.
    """
    chosen, sources = self._sources(composition, variation)
    made = paint.paint(
      self._fitting(composition, chosen, sources),
      self._variables,
      composition.pixels,
      sources,
      seed=seed,
      show=self._show,
    )
    names = [self._gallery.names[i] for i in chosen]
    return made, {
      **composition.notes,
      'sources': {
        names[number]: round(share, 4) for number, share in made.shares.items()
      },
      'largest_region': round(made.largest_region, 4),
      'layout_agreement': round(made.layout_agreement, 4),
      'seconds': {part: round(v, 1) for part, v in made.seconds.items()},
      'version': VERSION,
    }

  def _fitting(
    self,
    composition: Composition,
    chosen: Sequence[int],
    sources: Sequence[Image.Image],
  ) -> Painter:
    """Return the painter, no larger than its sources unless it is to be."""
    painter = self._painter
    height, width = composition.pixels.shape[:2]
    sides = [max(cropped(source, width / height).size) for source in sources]
    held = min(sides)
    if painter.size <= held or painter.upscale:
      return painter
    least = chosen[sides.index(held)]
    self._say(
      f'{composition.name}: painted at {held} pixels, all that '
      f'{paths.printable(self._gallery.names[least])} holds; pass --upscale '
      f'for {painter.size}, or --sources with larger pictures'
    )
    return dataclasses.replace(painter, size=max(held, MIN_SIZE))

  def _sources(
    self, composition: Composition, variation: int
  ) -> tuple[list[int], list[Image.Image]]:
    """Return the numbers of the sources of a composition, and the pictures."""
    gallery = self._gallery
    height, width = composition.pixels.shape[:2]
    aspect = round(width / height, 3)
    if aspect not in self.described:
      self._say(f'comparing {len(gallery)} pictures with the composition')
      self.described[aspect] = self.describe(gallery, aspect)
    allowed = np.ones(len(gallery), bool)
    if gallery.labels is not None and composition.label is not None:
      allowed = np.array(gallery.labels) == composition.label
    described = self._features.describe_one(composition.pixels)
    while allowed.any():
      chosen = choose.choose(
        described,
        self.described[aspect],
        self._painter.num_sources,
        skip=variation,
        allowed=allowed,
        weights=self._painter.weights,
      )
      try:
        return chosen, [trimmed(gallery.open(i)) for i in chosen]
      except decode.BadPictureError as error:  # removed or damaged meanwhile
        self._say(f'{error}; another source is taken')
        allowed = allowed & (
          np.arange(len(gallery)) != _unreadable(gallery, chosen)
        )
    raise core.UserError(
      'none of the pictures to paint with can be read any more; pass '
      '--sources=FOLDER'
    )


def _unreadable(gallery: Gallery, chosen: Sequence[int]) -> int:
  """Return the first of some pictures that cannot be read."""
  for index in chosen:
    try:
      gallery.open(index)
    except decode.BadPictureError:
      return index
  return chosen[0]


def paint_all(
  atelier: Atelier,
  works: Sequence[Work],
  *,
  devices: Sequence[Any],
  seed: int = 0,
  done: Callable[[Work, dict[str, Any]], object] = lambda work, notes: None,
) -> None:
  """Paint and write all works; devices share the works, not a picture.

  Args:
    atelier: paints them.
    works: what `plan.plan` left to make.
    devices: each paints the next work that waits.
    seed: of the random draws.
    done: called after each with what is noted of it.
  """

  def one(work: Work, device: Any) -> None:
    with jax.default_device(device):
      made, notes = atelier.paint(work.composition, work.variation, seed)
    notes |= work.settings
    painted.write(work.path, made.pixels, notes)
    done(work, notes)

  if len(devices) == 1 or len(works) == 1:
    for work in works:
      one(work, devices[0])
    return
  free: queue.SimpleQueue[Any] = queue.SimpleQueue()
  for device in devices:
    free.put(device)

  def take(work: Work) -> None:
    device = free.get()
    try:
      one(work, device)
    finally:
      free.put(device)

  with concurrent.futures.ThreadPoolExecutor(len(devices)) as pool:
    futures = [pool.submit(take, work) for work in works]
    try:
      for future in futures:
        future.result()
    except BaseException:  # a full disk, or a request to stop
      pool.shutdown(wait=False, cancel_futures=True)
      raise


def write_sheet(output: pathlib.Path, files: Sequence[pathlib.Path]) -> None:
  """Write all paintings as one picture, each with its longest side 256."""
  tiles = []
  for file in files:
    image = decode.picture(file).convert('RGB')
    tiles.append(
      np.asarray(ImageOps.pad(image, (_SHEET_SIDE, _SHEET_SIDE), color='white'))
    )
  painted.write_sheet(output, images.grid(np.stack(tiles)))
