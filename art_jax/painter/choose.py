"""Which pictures of a gallery suit a composition."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from art_jax.painter.gallery import Description


@dataclasses.dataclass(frozen=True)
class Weights:
  """How much each distance counts; each is divided by its median first.

  Attributes:
    layout: of the mean colors on a grid of 8 x 8.
    palette: of the quantiles of luma and chroma.
    features: of VGG's features by region.
  """

  layout: float = 1.0
  palette: float = 0.5
  features: float = 1.0


def distances(
  composition: Description,
  gallery: Description,
  weights: Weights = Weights(),
) -> np.ndarray:
  """Return f32[N]: how far each picture of a gallery is from a composition.

  A picture counts as it is or as its mirror image, whichever is nearer: both
  serve as sources.

  Args:
    composition: the description of one picture.
    gallery: of N pictures.
    weights: of the parts.
  """
  layout, palette, features = composition
  parts = [
    (
      weights.layout,
      np.minimum(
        _rms(gallery.layout - layout), _rms(gallery.layout[:, :, ::-1] - layout)
      ),
    ),
    (weights.palette, np.abs(gallery.palette - palette).mean((1, 2))),
    (
      weights.features,
      np.minimum(
        _rms(gallery.features - features),
        _rms(gallery.features[:, :, ::-1] - features),
      ),
    ),
  ]
  return np.sum(
    [
      weight * part / max(float(np.median(part)), 1e-6)
      for weight, part in parts
    ],
    0,
  )


def choose(
  composition: Description,
  gallery: Description,
  count: int = 1,
  *,
  skip: int = 0,
  allowed: Sequence[bool] | np.ndarray | None = None,
  weights: Weights = Weights(),
) -> list[int]:
  """Return the pictures to paint a composition with, the best first.

  The first one is the nearest. Each further one is near the composition and
  near the first: strokes of pictures that do not suit each other make a
  collage.

  Args:
    composition: its description.
    gallery: descriptions of the pictures.
    count: how many, >= 1.
    skip: take the next best first one, for another painting of a composition.
    allowed: bool[N], which may be taken; None: all.
    weights: of the distances.
  """
  far = distances(composition, gallery, weights)
  if allowed is not None:
    far = np.where(np.asarray(allowed), far, np.inf)
  order = [
    int(i) for i in np.argsort(far, kind='stable') if np.isfinite(far[i])
  ]
  first = order[skip % len(order)]
  if count == 1:
    return [first]
  one = Description(*(part[first : first + 1] for part in gallery))
  both = far + distances(one, gallery, weights)
  rest = [int(i) for i in np.argsort(both, kind='stable') if i != first]
  return [first, *(i for i in rest if np.isfinite(far[i]))][:count]


def _rms(values: np.ndarray) -> np.ndarray:
  """Return the root of the mean square of each row."""
  return np.sqrt(np.mean(values.reshape(len(values), -1) ** 2, 1))
