"""How compositions are painted."""

import dataclasses

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.neural_neighbor import NNST
from art_jax.painter.choose import Weights
from art_jax.painter.patch_match import Patches

QUALITIES = ('full', 'fast')
MIN_SIZE, MAX_SIZE = 64, 4096


@dataclasses.dataclass(frozen=True, kw_only=True)
class Painter:
  """Compose small, paint large: the settings of `art_jax paint`.

  A composition is painted at sizes that about double. At the small ones
  features of the picture are drawn to their nearest neighbors among those of
  the sources (`nnst`); at the large ones patches of the sources are copied and
  blended (`patch_match`).

  Attributes:
    size: longest side of a painting, in pixels.
    num_sources: pictures whose strokes one painting uses.
    quality: 'full', or 'fast': features up to half of `network_size` only, and
      fewer rounds of patches.
    network_size: largest scale that is painted by features; its double takes
      about four times as long.
    max_copy: the largest region that may continue one source unchanged, as the
      root of its share of the area; a painting beyond it is painted again with
      a penalty on long continuations.
    upscale: paint at `size` though the sources are smaller.
    steps: of the optimizer at each scale of features.
    nnst: how features are drawn to those of the sources.
    weights: of what makes a source suit a composition.
  """

  size: int = 512
  num_sources: int = 1
  quality: str = 'full'
  network_size: int = 128
  max_copy: float = 0.35
  upscale: bool = False
  steps: int = 48
  nnst: NNST = NNST(
    content_weight=0.25,
    color_weight=8_000.0,
    optimizer=optim.Adam(learning_rate=0.015, b1=0.9),
  )
  weights: Weights = Weights()

  def __post_init__(self):
    rules = (
      ('quality', self.quality in QUALITIES, f'one of {", ".join(QUALITIES)}'),
      (
        'size',
        MIN_SIZE <= self.size <= MAX_SIZE,
        f'{MIN_SIZE} to {MAX_SIZE} pixels',
      ),
      ('num_sources', self.num_sources >= 1, 'at least 1'),
      ('network_size', self.network_size >= MIN_SIZE, f'at least {MIN_SIZE}'),
      ('steps', self.steps >= 1, 'at least 1'),
      ('max_copy', 0 < self.max_copy <= 1, 'more than 0 and at most 1'),
    )
    for name, holds, rule in rules:
      core.require(
        holds,
        f'--{name}={getattr(self, name)}: it is {rule}; pass such a value',
      )

  @property
  def sizes(self) -> tuple[int, ...]:
    """Longest sides of the scales: 64, 128, 256, ... and the size.

    They do not depend on the size, so that paintings of many sizes share what
    is compiled for the features.
    """
    sizes = [MIN_SIZE]
    while 2.5 * sizes[-1] < self.size:
      sizes.append(2 * sizes[-1])
    return (*(size for size in sizes if size < self.size), self.size)

  def bytes_at(self, size: int) -> int:
    """Return about how much memory a square painting takes, as measured.

    130 bytes a pixel, and 48 for each source and its mirror image.
    """
    return size**2 * (130 + 48 * 2 * self.num_sources)

  def require_fits(self, free: int) -> None:
    """Raise core.UserError if a painting exceeds `free` bytes."""
    largest = int((free / self.bytes_at(1)) ** 0.5)
    core.require(
      self.size <= largest,
      f'--size={self.size}: a painting needs about '
      f'{self.bytes_at(self.size) / 2**30:.1f} GiB and {free / 2**30:.1f} are '
      f'free; the largest that fits is --size={largest}',
    )

  @property
  def patches(self) -> Patches:
    """How patches are matched and put together."""
    return Patches(quality=self.quality, max_copy=self.max_copy)

  @property
  def features_up_to(self) -> int:
    """Longest side of the scales that are painted by features."""
    return self.network_size // (2 if self.quality == 'fast' else 1)
