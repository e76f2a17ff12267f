"""Where a painted picture comes from, and how much of it is a copy."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from art_jax.nn.field import Field, Turned

_LAYOUT = 16  # cells a side


def shares(field: Field, pictures: Sequence[Turned]) -> dict[int, float]:
  """Return the share of the area that each source painted.

  Args:
    field: over the turned sources.
    pictures: the list that `field.picture` counts in.

  Returns:
    From the number of a source to its share, the largest first; those of no
    cell are left out.
  """
  source = np.array([turned.source for turned in pictures])
  numbers = np.bincount(source[np.asarray(field.picture)].ravel())
  order = np.argsort(-numbers, kind='stable')
  return {
    int(i): float(numbers[i] / numbers.sum()) for i in order if numbers[i]
  }


def regions(field: Field) -> np.ndarray:
  """Return the number of the continued region that each cell lies in.

  Two 4-connected cells continue each other if they are equally far from their
  cells in one turned source: a flip or rotation is undone by that list.

  Args:
    field: of any cells, pixels too.

  Returns:
    i32[h, w], from 0 on without gaps.
  """
  keys = _offsets(field)
  height, width = keys.shape[1:]
  number = np.arange(height * width).reshape(height, width)
  right = (keys[:, :, 1:] == keys[:, :, :-1]).all(0)
  below = (keys[:, 1:] == keys[:, :-1]).all(0)
  first = np.concatenate([number[:, :-1][right], number[:-1][below]])
  second = np.concatenate([number[:, 1:][right], number[1:][below]])
  edges = sparse.coo_array(
    (np.ones(first.size, np.int8), (first, second)), shape=(number.size,) * 2
  )
  _, labels = csgraph.connected_components(edges, directed=False)
  return labels.reshape(height, width).astype(np.int32)


def largest_region(field: Field) -> float:
  """Return the largest continued region: 1 if the picture is one copy.

  It is sqrt(area of the region) / sqrt(area of the picture), so of a square
  picture the root of the region's area over the side. See `regions`.
  """
  labels = regions(field)
  return float(np.sqrt(np.bincount(labels.ravel()).max() / labels.size))


def layout_agreement(first: np.ndarray, second: np.ndarray) -> float:
  """Return the first canonical correlation of two pictures' color layouts.

  With X and Y the 256 mean colors of a grid of 16x16 equal cells, centered,

    max over a, b of corr(X a, Y b) = largest singular value of Ux' Uy,

  where Ux and Uy are orthonormal bases of the columns of X and Y. Palettes may
  differ by any linear map; what counts is where colors change together.
  Hotelling 1936, Biometrika 28, computed as by Bjoerck & Golub 1973.

  Args:
    first: f32[H, W, 3], sides of at least one pixel.
    second: f32[H', W', 3].

  Returns:
    In [0, 1]; 0 if either has one color only.
  """
  bases = [_basis(_layout(np.asarray(picture))) for picture in (first, second)]
  if not all(basis.shape[1] for basis in bases):
    return 0.0
  return float(min(1, np.linalg.norm(bases[0].T @ bases[1], 2)))


def _offsets(field: Field) -> np.ndarray:
  """Return i32[3, h, w], equal where cells continue each other."""
  picture, row, column = (np.asarray(values) for values in field)
  y, x = np.indices(picture.shape)
  return np.stack([picture, row - y, column - x])


def _basis(colors: np.ndarray) -> np.ndarray:
  """Return an orthonormal basis f64[n, rank] of the centered columns."""
  colors = colors - colors.mean(0)
  left, values, _ = np.linalg.svd(colors, full_matrices=False)
  # Rounding leaves a flat picture some variance.
  return left[:, values > 1e-5 * np.sqrt(len(colors))]


def _layout(picture: np.ndarray) -> np.ndarray:
  """Return the mean colors f64[256, 3] of 16x16 cells, parts of pixels too."""
  rows, columns = (_means(length) for length in picture.shape[:2])
  cells = np.einsum('ih,hwc,jw->ijc', rows, picture.astype(float), columns)
  return cells.reshape(_LAYOUT**2, -1)


def _means(length: int) -> np.ndarray:
  """Return f64[16, length], which averages a line over 16 equal intervals."""
  ends = np.linspace(0, length, _LAYOUT + 1)[:, None]
  covered = np.clip(ends - np.arange(length), 0, 1)
  return np.diff(covered, axis=0) * _LAYOUT / length
