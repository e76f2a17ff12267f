"""Paint one composition: features at the small scales, patches at the large."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from art_jax.algorithms import nnst
from art_jax.media import images
from art_jax.nn.field import CELL, Turned
from art_jax.painter import patch_detail, patch_match, provenance
from art_jax.painter.compose import enlarged
from art_jax.painter.gallery import cropped
from art_jax.painter.settings import Painter

_UNIT = 2 * CELL  # VGG pools three times: sides are multiples of it
_LEAST = 32  # pixels of a side
_TURNS = 0, 4  # a source and its mirror image


class Painting(NamedTuple):
  """A painted composition, and where it is from.

  Attributes:
    pixels: u8[H, W, 3].
    shares: of the area, by number of the source.
    largest_region: see `provenance.largest_region`.
    layout_agreement: with the composition, see `provenance.layout_agreement`.
    seconds: by part: 'features', 'patches'.
  """

  pixels: np.ndarray
  shares: dict[int, float]
  largest_region: float
  layout_agreement: float
  seconds: dict[str, float]


def paint(
  painter: Painter,
  variables: Any,
  composition: np.ndarray,
  sources: Sequence[Image.Image],
  *,
  seed: int = 0,
  show: Callable[[np.ndarray], object] = lambda pixels: None,
) -> Painting:
  """Paint a composition with the strokes of some pictures.

  Each scale begins with the picture of the one before, twice as large, and the
  first one with the composition.

  Args:
    painter: the settings; its size is the longest side of the result.
    variables: of the feature network, see `nnst.NNST`.
    composition: u8[h, w, 3], of any size.
    sources: pictures; they are cut to the aspect of the composition and scaled
      to its size.
    seed: of the random draws.
    show: takes the picture f32[h, w, 3] in [-1, 1] of each scale.
  """
  height, width = composition.shape[:2]
  pictures = [cropped(source, width / height) for source in sources]
  turned = [Turned(i, turn) for i in range(len(sources)) for turn in _TURNS]
  seconds = {'features': 0.0, 'patches': 0.0}
  pixels, field = None, None
  for number, size in enumerate(painter.sizes):
    began = time.monotonic()
    by_features = size <= painter.features_up_to
    shape = _shape(size, height, width, _UNIT if by_features else 1)
    content = enlarged(composition, shape)
    scaled = [images.resized(picture, shape) for picture in pictures]
    start = content if pixels is None else _resized(pixels, shape)
    key = jax.random.fold_in(jax.random.key(seed), number)
    if by_features:
      pixels, field = nnst.paint_scale(
        painter.nnst,
        variables,
        jnp.asarray(content),
        [jnp.asarray(source) for source in scaled],
        turned,
        jnp.asarray(start),
        key=key,
        steps=painter.steps,
      )
    copied = (
      by_features
      and size == painter.size
      and provenance.largest_region(field) > painter.max_copy  # pyright: ignore
    )
    if copied or not by_features:
      if copied:
        start = np.asarray(pixels)
      voted = patch_match.vote(
        painter.patches, jnp.asarray(start), scaled, turned, field, key=key
      )
      pixels, field = np.asarray(voted.pixels), voted.cells
      if size == painter.size:
        pixels = patch_detail.restored(pixels, voted.origins, turned, scaled)
    pixels = np.asarray(pixels)
    part = 'features' if by_features else 'patches'
    seconds[part] += time.monotonic() - began
    show(pixels)
  assert pixels is not None and field is not None
  return Painting(
    images.to_uint8(pixels),
    provenance.shares(field, turned),
    provenance.largest_region(field),
    provenance.layout_agreement(
      enlarged(composition, pixels.shape[:2]), pixels
    ),
    seconds,
  )


def _shape(size: int, height: int, width: int, unit: int) -> tuple[int, int]:
  """Return height and width, multiples of `unit`, the longest about `size`."""
  scale = size / max(height, width) / unit
  least = -(-_LEAST // unit)
  return (
    max(round(height * scale), least) * unit,
    max(round(width * scale), least) * unit,
  )


def _resized(pixels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
  return np.asarray(jax.image.resize(pixels, (*shape, 3), 'cubic'))
