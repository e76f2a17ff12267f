"""The pictures whose strokes are used, and which of them suit a composition."""

import dataclasses
import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from PIL import Image, ImageOps

from art_jax.core import paths
from art_jax.data import parallel
from art_jax.data.dataset import Examples
from art_jax.nn import pure, vgg

_SIDE = 64  # of the pictures that are compared
_LAYOUT = 8  # side of the layout of colors
_BINS = 32  # quantiles of a palette, along each axis of color
_LAYERS = ('relu3_1', 'relu4_1')
_REGIONS = 4  # a side of the grid of features
_BATCH = 32
# Deviation of the gray levels of a line, and its largest share of a side.
_PAPER, _MOST_PAPER = 1.5, 0.25
_EVEN, _BORDER = 4.0, 0.04
# A palette compares colors apart from where they are: of luma and two chromas.
_AXES = np.array(
  [[0.299, 0.587, 0.114], [0.5, 0, -0.5], [-0.25, 0.5, -0.25]], np.float32
)
_VERSION = 3  # of what is kept


class Description(NamedTuple):
  """What pictures are compared by.

  Attributes:
    layout: f32[N, 8, 8, 3], mean colors in [-1, 1].
    palette: f32[N, 3, 32], quantiles of luma and chroma.
    features: f32[N, C, 4, 4], normalized features of VGG by region.
  """

  layout: np.ndarray
  palette: np.ndarray
  features: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Gallery:
  """Pictures to paint with.

  Attributes:
    names: of the pictures.
    open: index -> the whole picture in mode 'RGB'.
    labels: class of each by number; None: they have none.
    digest: of what they are, if it is known: their descriptions are kept.
  """

  names: tuple[str, ...]
  open: Callable[[int], Image.Image]
  labels: tuple[int, ...] | None = None
  digest: str = ''

  def __len__(self) -> int:
    return len(self.names)


def of_examples(
  examples: Examples, key: str, digest: str = '', labeled: bool = False
) -> Gallery:
  """Return the training pictures of a set as a gallery.

  Args:
    examples: the pictures.
    key: of the pictures in them.
    digest: of the fingerprint of their set.
    labeled: read the label of each, which decodes them all.
  """
  labels = None
  if labeled:
    labels = tuple(
      int(label)
      for label in parallel.map_indices(
        lambda i: examples.read(i)['label'], len(examples), 'reading classes'
      )
    )
  return Gallery(
    tuple(examples.names),
    lambda index: examples.picture(index, key),
    labels,
    digest and f'{digest}-{key}',
  )


def cropped(picture: Image.Image, aspect: float) -> Image.Image:
  """Return the middle of a picture, of an aspect (width over height)."""
  width, height = picture.size
  if width > aspect * height:
    size = max(round(aspect * height), 1), height
  else:
    size = width, max(round(width / aspect), 1)
  return ImageOps.fit(picture, size, Image.Resampling.LANCZOS)


def trimmed(picture: Image.Image) -> Image.Image:
  """Return a picture without borders, whose lines would stand in paintings.

  Lines of one color are paper, up to a quarter of each side; lines that are
  nearly so are a frame, up to 4 %.
  """
  levels = np.asarray(picture.convert('L'), np.float32)
  edges = []
  for lines in (levels, levels.T):
    deviations = lines.std(1)
    edges += [_border(deviations), len(lines) - _border(deviations[::-1])]
  top, bottom, left, right = edges
  return picture.crop((left, top, right, bottom))


def _border(deviations: np.ndarray) -> int:
  """Return how many lines, from the first on, are border.

  None are where they go on beyond its share: that is a flat picture.
  """
  count = 0
  for limit, share in ((_PAPER, _MOST_PAPER), (_EVEN, _BORDER)):
    most = round(share * len(deviations))
    even = deviations[count:][: most + 1] < limit
    count += int(np.argmin(even))
  return count


def describe(
  gallery: Gallery, features: 'Features', aspect: float
) -> Description:
  """Return what all pictures of a gallery are compared by; kept by digest."""
  path = None
  if gallery.digest:
    text = f'{gallery.digest}-{aspect:.3f}-{_VERSION}'
    name = hashlib.sha256(text.encode()).hexdigest()[:24]
    path = paths.home() / 'galleries' / f'{name}.npz'
    if path.exists():
      with np.load(path) as kept:
        return Description(*(kept[field] for field in Description._fields))
  pixels = parallel.map_indices(
    lambda i: _small(trimmed(gallery.open(i)), aspect),
    len(gallery),
    'reading sources',
  )
  description = features.describe(np.stack(pixels))
  if path:
    with paths.staged(path) as temporary, open(temporary, 'wb') as file:
      np.savez(file, allow_pickle=False, **description._asdict())
  return description


def _small(picture: Image.Image, aspect: float) -> np.ndarray:
  """Return the middle of a picture as f32[64, 64, 3], squeezed to a square."""
  image = cropped(picture, aspect).resize(
    (_SIDE, _SIDE), Image.Resampling.LANCZOS
  )
  return np.asarray(image, np.float32) / 127.5 - 1


class Features:
  """Describes pictures with a VGG; compiled once."""

  def __init__(self, network: vgg.VGG, variables: Any):
    def apply(x):
      layers = pure.apply(network, variables, x, _LAYERS)
      parts = []
      for layer in layers.values():
        rows, height, width, depth = layer.shape
        cells = layer.reshape(
          rows, _REGIONS, height // _REGIONS, _REGIONS, width // _REGIONS, depth
        ).mean((2, 4))
        parts.append(
          cells / (np.float32(1e-6) + (cells**2).sum(-1, keepdims=True) ** 0.5)
        )
      return jax.numpy.concatenate(parts, -1)

    self._apply = jax.jit(apply)

  def describe(self, pixels: np.ndarray) -> Description:
    """Return the description of f32[N, 64, 64, 3] in [-1, 1]."""
    layout = pixels.reshape(len(pixels), _LAYOUT, 8, _LAYOUT, 8, 3).mean((2, 4))
    levels = np.linspace(0, 1, _BINS)
    colors = pixels.reshape(len(pixels), -1, 3) @ _AXES.T
    palette = np.quantile(colors, levels, axis=1).transpose(1, 2, 0)
    count = -len(pixels) % _BATCH
    padded = np.concatenate([pixels, np.repeat(pixels[-1:], count, 0)])
    features = [
      np.asarray(self._apply(padded[i : i + _BATCH]))
      for i in range(0, len(padded), _BATCH)
    ]
    return Description(
      layout.astype(np.float32),
      palette.astype(np.float32),
      np.concatenate(features)[: len(pixels)],
    )

  def describe_one(self, picture: np.ndarray) -> Description:
    """Return the description of a composition u8[h, w, 3]."""
    image = Image.fromarray(picture)
    return self.describe(_small(image, image.width / image.height)[None])
