"""What a picture must not copy: offsets of regions that grew too large."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from art_jax.nn.field import CELL, Field
from art_jax.painter import provenance
from art_jax.painter.patch_search import STRIDE

_TIMES = 4  # that a picture is painted anew
_KEPT = 0.4  # of a region that is too large
_HILLS = 12  # waves of a landscape


class Copies(NamedTuple):
  """Offsets that sites must not have.

  Attributes:
    offsets: Field of i32[4, h, w] over the sites, one for each time that a
      region was too large; `picture` is -1 where nothing is forbidden.
    left: how often the picture may still be painted anew.
  """

  offsets: Field
  left: int

  @classmethod
  def none(cls, shape: tuple[int, ...]) -> 'Copies':
    """Return no limits for so many sites."""
    empty = jnp.full((_TIMES, *shape), -1, jnp.int32)
    return cls(Field(empty, empty, empty), _TIMES)

  def found(
    self, cells: Field, shape: tuple[int, ...], max_copy: float
  ) -> tuple['Copies', jax.Array]:
    """Forbid parts of the regions that are too large what they copied.

    The parts are hills of a smooth landscape, so that their borders are no
    lines that the eye finds.

    Args:
      cells: the picture's field.
      shape: of the sites.
      max_copy: see `patch_match.Patches`.

    Returns:
      the limits, and bool[h, w], the sites that start anew.
    """
    labels = provenance.regions(cells)
    side = np.sqrt(np.bincount(labels.ravel()) / labels.size)
    large = (side > max_copy)[labels]
    period = max_copy * np.sqrt(labels.size)
    hills = _landscape(labels.shape, period, self.left)
    again = large & (hills >= np.quantile(hills[large], _KEPT))
    i, j = np.indices(labels.shape)
    forbidden = (
      np.where(again, cells.picture, -1),
      CELL * (np.asarray(cells.row) - i),
      CELL * (np.asarray(cells.column) - j),
    )
    offsets = Field(
      *(
        old.at[self.left - 1].set(_over_sites(new, shape))
        for old, new in zip(self.offsets, forbidden, strict=True)
      )
    )
    return Copies(offsets, self.left - 1), jnp.asarray(
      _over_sites(again, shape)
    )


def margin(shape: tuple[int, ...]) -> int:
  """Return how far from a copy a patch is another one, in pixels."""
  return max(shape) // 16


def _over_sites(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
  """Return values of cells at the sites in them."""
  rows, columns = (
    np.minimum(np.arange(n) * STRIDE // CELL, length - 1)
    for n, length in zip(shape, values.shape, strict=True)
  )
  return values[rows[:, None], columns]


def _landscape(shape: tuple[int, ...], period: float, seed: int) -> np.ndarray:
  """Return f64[h, w], smooth, with hills about a period apart."""
  rng = np.random.default_rng(seed)
  y, x = np.indices(shape) * (2 * np.pi / period)
  angles, phases = rng.uniform(0, 2 * np.pi, (2, _HILLS))
  waves = [
    np.sin(np.cos(angle) * y + np.sin(angle) * x + phase)
    for angle, phase in zip(angles, phases, strict=True)
  ]
  return np.sum(waves, 0)
