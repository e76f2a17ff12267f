"""One stage of a network as a program of a window of the picture."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from art_jax.inference.stages import Network

# By number of a norm: mean and variance of what it normalizes, f32[1, C] each.
NormMoments = Sequence[tuple[np.ndarray, np.ndarray]]
Pair = tuple[int, int]


@dataclasses.dataclass
class Moments:
  """Mean and sum of squared deviations of channels, added up in float64.

  Reference: Chan, Golub & LeVeque 1979, "Updating formulae and a pairwise
  algorithm for computing sample variances".
  """

  count: float = 0.0
  mean: Any = 0.0
  squares: Any = 0.0

  def add(self, count: Any, mean: Any, squares: Any) -> None:
    """Add those of other values."""
    count, mean, squares = (np.float64(x) for x in (count, mean, squares))
    total = self.count + count
    apart = mean - self.mean
    self.squares += squares + np.square(apart) * (self.count * count / total)
    self.mean += apart * (count / total)
    self.count = total

  def result(self) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and biased variance, f32[1, C] each."""
    values = np.stack([self.mean, self.squares / self.count])
    mean, var = values.astype(np.float32)
    return mean[None], var[None]


class Program:
  """Computes the values behind a stage in a window, and their moments.

  Attributes:
    network: as it is traced on the window.
    reads: names of the values that it reads, see `names` of `make`.
    writes: variables of the values that it returns.
  """

  def __init__(
    self,
    network: Network,
    names: Mapping[Any, Any],
    target: Any,
    writes: Sequence[Any],
    compiled: dict[str, Any],
  ):
    """Compile a stage.

    Args:
      network: as it is traced on the window.
      names: by variable, of the values that are there.
      target: variable whose moments are computed.
      writes: variables whose values are returned.
      compiled: programs by their text; equal stages are compiled once.
    """
    self.network, self.writes = network, tuple(writes)
    self._target = target
    moments = {
      v: (i, j)
      for i, cut in enumerate(network.cuts)
      for j, v in enumerate(cut.moments)
    }
    self._equations, read = network.between(
      [*network.constants, *moments, *names], [target, *writes]
    )
    self._constants = [v for v in read if v in network.constants]
    self._moments = {v: moments[v] for v in read if v in moments}
    self._read = [v for v in read if v in names]
    self.reads = [names[v] for v in self._read]
    shapes = (
      [network.constants[v] for v in self._constants],
      [v.aval for v in self._moments],
      [v.aval for v in self._read],
      jax.ShapeDtypeStruct((4,), 'int32'),
    )
    lowered = jax.jit(self._run).lower(*shapes)
    self.text = lowered.as_text()
    if self.text not in compiled:
      compiled[self.text] = lowered.compile()
    self._compiled = compiled[self.text]

  def __call__(
    self,
    windows: Sequence[np.ndarray],
    moments: NormMoments,
    inside: Sequence[int],
  ) -> tuple[list[jax.Array], tuple[jax.Array, ...], jax.Array]:
    """Run the stage on a window.

    Args:
      windows: of the values that it reads, [h, w, C] each.
      moments: of the norms before.
      inside: first row and column and their ends, in pixels of the window.

    Returns:
      The values that it writes, [1, h, w, C]; count, mean and sum of squared
      deviations of the channels of its target inside; and f32[h, w], which
      changes wherever its target does.
    """
    return self._compiled(
      [self.network.constants[v] for v in self._constants],
      [moments[i][j] for i, j in self._moments.values()],
      [window[None] for window in windows],
      np.array(inside, np.int32),
    )

  def scales(self) -> Iterator[int]:
    """Yield how many pixels wide a value is, for all that it reads."""
    return map(self.network.scale, self._read)

  def reach(
    self, windows: Sequence[np.ndarray], moments: NormMoments, unit: int
  ) -> int:
    """Measure how many pixels a window must exceed its tile by.

    The border of a window of noise is changed; what changes deeper inside
    depends on it.

    Args:
      windows: some that it reads; the noise has their means and deviations.
      moments: of the norms before.
      unit: the result is a multiple of it.

    Returns:
      Half of the window or more if all of it depends on the border.
    """
    random = np.random.default_rng(0)
    pairs = [
      _noise(random, window, max(unit // scale, 1))
      for window, scale in zip(windows, self.scales(), strict=True)
    ]
    everywhere = (0, 0, *self.network.window)
    one, other = (
      np.asarray(self(side, moments, everywhere)[2])
      for side in zip(*pairs, strict=True)
    )
    changed = np.argwhere(np.abs(one - other) > 1e-6 * np.abs(one).max())
    last = np.array(one.shape) - 1
    depth = np.minimum(changed, last - changed).min(1).max(initial=0) + 1
    return -(-int(depth) * self.network.scale(self._target) // unit) * unit

  def unit(self, most: int) -> int:
    """Return what corners of windows must be multiples of; see `Network`."""
    return self.network.unit(self._equations, most)

  def _run(self, constants, moments, windows, inside):
    values = dict(zip(self._constants, constants, strict=True))
    values |= zip(self._moments, moments, strict=True)
    values |= zip(self._read, windows, strict=True)
    target, *written = self.network.run(
      self._equations, values, [self._target, *self.writes]
    )
    target = target[0].astype(jnp.float32)
    scale = self.network.scale(self._target)
    sketch = jnp.abs(target).sum(2)
    return written, _moments(target, inside, scale), sketch


def _moments(x: jax.Array, inside: jax.Array, scale: int):
  """Return count, mean and sum of squared deviations of f32[h, w, C] inside.

  Sums go over columns, then over rows: that keeps more digits than one sum.
  """
  rows, columns = (
    (inside[i] <= scale * jnp.arange(n))
    & (scale * jnp.arange(n) < inside[i + 2])
    for i, n in enumerate(x.shape[:2])
  )
  chosen = (rows[:, None] & columns)[..., None]
  count = rows.sum() * columns.sum()

  def mean(values):
    return jnp.where(chosen, values, 0).sum(1).sum(0) / count

  center = mean(x)
  return count, center, mean(jnp.square(x - center)) * count


def _noise(random, x: np.ndarray, border: int) -> tuple[np.ndarray, np.ndarray]:
  """Return noise like [h, w, C], and the same with another border."""
  if x.dtype == bool:
    return x, x
  values = x.astype(np.float32)
  mean, spread = values.mean((0, 1)), values.std((0, 1))
  spread = np.where(spread > 0, spread, 1)
  one, other = (random.standard_normal(x.shape, np.float32) for _ in 'ab')
  other[border:-border, border:-border] = (
    one[border:-border, border:-border] / 8
  )
  one, other = (mean + spread * values for values in (one, 8 * other))
  return one.astype(x.dtype), other.astype(x.dtype)


def tiles(
  extent: Pair, window: Pair, overlap: int
) -> Iterator[tuple[Pair, Pair, Pair]]:
  """Cut a picture into tiles; every pixel is part of exactly one.

  Args:
    extent: height and width of the picture.
    window: of a tile.
    overlap: pixels by which a window exceeds its tile inside the picture.

  Yields:
    The corner of the window, and the first pixel and the end of the tile.
  """
  axes = []
  for whole, size in zip(extent, window, strict=True):
    part = size - 2 * overlap if size < whole else whole
    axes.append(
      [
        (
          min(max(first - overlap, 0), whole - size),
          first,
          min(first + part, whole),
        )
        for first in range(0, whole, part)
      ]
    )
  for row in axes[0]:
    for column in axes[1]:
      corner, first, end = zip(row, column, strict=True)
      yield corner, first, end
