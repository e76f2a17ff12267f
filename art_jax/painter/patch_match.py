"""Fine scales of a painting by patches of its sources.

Texture optimization (Kwatra et al. 2005) with PatchMatch: a coarse picture is
enlarged, its patches are matched with blurred sources, and the sharp patches
vote for the pixels; then match and vote alternate. What keeps the strokes: a
match that continues those around it is preferred, a patch that is smoother than
what it stands for is not, and votes move to the color that most agree on, so
that a pixel is one patch's and no mean.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.nn import field as fields
from art_jax.nn.field import CELL, Field, Turned
from art_jax.painter import copy_limit, patch_blend, patch_search, provenance
from art_jax.painter.patch_search import RADIUS, STRIDE

# First rounds against blurred sources; votes; rounds before each vote.
_ROUNDS = {'fast': (4, 2, 2), 'full': (6, 4, 3)}
_SMALLEST = 2 * RADIUS + 2  # pixels a side
_NEAR = (16, 4, 1)  # pixels


@dataclasses.dataclass(frozen=True, kw_only=True)
class Patches:
  """How patches are matched and put together.

  Attributes:
    quality: 'full', or 'fast' with 8 rounds in place of 13.
    coherence: how much worse, in mean squared difference of [-1, 1] pixels, a
      patch may be that continues all around it: larger ones make larger pieces.
    texture: how strongly patches that are smoother than what they stand for are
      avoided: 0 makes a smooth picture, large ones a rough one.
    max_copy: the largest region that may continue one source, as
      `provenance.largest_region` measures it; what exceeds it is painted anew
      from elsewhere.
  """

  quality: str = 'full'
  coherence: float = 0.01
  texture: float = 2.5
  max_copy: float = 0.35

  def __post_init__(self):
    core.require(
      self.quality in _ROUNDS,
      f'Patches.quality={self.quality!r}: it is one of {", ".join(_ROUNDS)}',
    )
    for name in ('coherence', 'texture'):
      core.require(
        getattr(self, name) >= 0,
        f'Patches.{name}={getattr(self, name)}: it is at least 0',
      )
    core.require(
      0 < self.max_copy <= 1,
      f'Patches.max_copy={self.max_copy}: it is above 0 and at most 1, the '
      'side of a region over that of the picture',
    )


class Voted(NamedTuple):
  """A picture of patches.

  Attributes:
    pixels: f32[H, W, 3].
    cells: Field of i32[H // 4, W // 4], cells of the turned sources.
    origins: Field of i32[H, W], pixels of the turned sources.
  """

  pixels: jax.Array
  cells: Field
  origins: Field


def vote(
  patches: Patches,
  start: jax.Array,
  sources: Sequence[np.ndarray],
  pictures: Sequence[Turned],
  field: Field | None,
  *,
  key: jax.Array,
  masks: Sequence[np.ndarray] | None = None,
) -> Voted:
  """Return the picture painted with patches of its sources.

  Args:
    patches: how.
    start: f32[H, W, 3] in [-1, 1], the coarser picture enlarged. Fine contrast
      that it lacks beside the sources is amplified, twice at most.
    sources: f32[h, w, 3] each, at the scale of `start`.
    pictures: the turned sources that patches are taken from.
    field: the matches of the coarser picture in cells of 4 of its pixels; it is
      enlarged as that picture was. None: from chance, and the picture counts as
      one of half the size.
    key: of the random search.
    masks: bool[h, w] for each source, where it may be used; None: all of it.

  Returns:
    Pixels and where each came from.

  Raises:
    UserError: a picture has fewer than 8 pixels a side, or a mask leaves no
      patch.
  """
  start = jnp.asarray(start, jnp.float32)
  _require_sizes(start, sources)
  scale = 2.0 if field is None else _scale(start.shape, field)
  key_start, key = jax.random.split(key)
  start = _as_rough(start, [_blurred(np.asarray(s), scale) for s in sources])
  stacks = _stacks(sources, pictures, masks, scale)
  shape = (*map(patch_search.sites, start.shape[:2]),)
  chance = _anywhere(stacks[1], shape, key_start)
  if field is None:
    near, begin = _far(start.shape), chance
  else:
    near, begin = _NEAR, _enlarged(field, stacks[1], shape, scale, chance)
  return _paint(patches, start, stacks, begin, chance, near, key)


def _paint(patches, start, stacks, field, chance, radii, key) -> Voted:
  """Match and vote in turns; see `vote`."""
  blurred, sharp = stacks
  first, votes, rounds = _ROUNDS[patches.quality]
  copies = copy_limit.Copies.none(field.row.shape)

  def search(picture, sources, field, radii, rounds, number):
    wishes = patch_search.Wishes(
      patches.coherence,
      patches.texture,
      jnp.asarray(radii, jnp.float32),
      copies.offsets,
      copy_limit.margin(start.shape),
    )
    now = jax.random.fold_in(key, number)
    return patch_search.search(picture, sources, field, wishes, now, rounds)

  def begin(field, radii, number):
    if radii != _NEAR:  # from chance: far first
      field, _ = search(start, blurred, field, radii, 2 * first, number)
    return search(start, blurred, field, _NEAR, first, number + 1)

  field, costs = begin(field, radii, 0)
  number = 0
  while True:
    last = number >= votes - 1
    by = _sharpness(number, last)
    pixels, origins = patch_blend.blend(sharp, field, costs, start, by)
    cells = _cells(origins)
    large = provenance.largest_region(cells) > patches.max_copy
    if large and copies.left:
      copies, again = copies.found(cells, field.row.shape, patches.max_copy)
      field = Field(*map(functools.partial(jnp.where, again), chance, field))
      field, costs = begin(field, _far(start.shape), 100 * (copies.left + 1))
      # The new parts have had no vote yet, so they get as many as the others.
      number = min(number, votes - 2)
      pixels, _ = patch_blend.blend(sharp, field, costs, start, by)
    elif last:
      return Voted(pixels, cells, origins)
    number += 1
    field, costs = search(
      pixels, sharp, field, _NEAR, rounds, 1000 * (copies.left + 1) + number
    )


def _sharpness(number: int, last: bool) -> patch_blend.Sharpness:
  """Return the weights of a vote: sharper from one to the next."""
  return patch_blend.Sharpness(
    fit=0.01 * 0.5**number,
    distance=1.0,
    agreement=0.2,
    passes=3,
  )


def _stacks(sources, pictures, masks, scale):
  """Return the turned sources, blurred as `start` is and as they are."""
  sharp = [np.asarray(source, np.float32) for source in sources]
  blurred = [_blurred(source, scale) for source in sharp]
  turned_masks = masks and [
    fields.turned(np.asarray(masks[t.source])[..., None], t.turn)[..., 0]
    for t in pictures
  ]
  stacks = [
    patch_search.stack(
      [fields.turned(kind[t.source], t.turn) for t in pictures], turned_masks
    )
    for kind in (blurred, sharp)
  ]
  core.require(
    bool(stacks[1].allowed.any()),
    f'masks of {len(sources)} sources leave no patch of '
    f'{2 * RADIUS + 1}x{2 * RADIUS + 1} pixels: allow a larger part',
  )
  return stacks


def _blurred(picture, scale: float) -> np.ndarray:
  """Return f32[h, w, 3] as if it had been enlarged by `scale`."""
  if scale <= 1:
    return picture
  small = [max(1, round(n / scale)) for n in picture.shape[:2]]
  low = jax.image.resize(picture, (*small, 3), 'cubic')
  return np.asarray(jax.image.resize(low, picture.shape, 'cubic'))


def _as_rough(start: jax.Array, sources: Sequence[np.ndarray]) -> jax.Array:
  """Return a picture with the sources' contrast above 1/8 cycle a pixel.

  A soft picture would be matched with soft patches. It is amplified twice at
  most, and never softened.
  """
  low = _blurred(start, 4)
  wanted = np.mean([np.std(x - _blurred(x, 4)) for x in sources])
  gain = np.clip(wanted / max(1e-6, float(jnp.std(start - low))), 1, 2)
  return low + jnp.float32(gain) * (start - low)


def _scale(shape: tuple[int, ...], field: Field) -> float:
  """Return how many times a picture was enlarged since its field."""
  scale = max(shape) / (CELL * max(field.row.shape))
  # Pictures whose sides are no multiples of cells have some pixels more.
  return float(round(scale)) if abs(scale - round(scale)) < 0.1 else scale


def _far(shape: tuple[int, ...]) -> tuple[int, int, int]:
  return max(shape), max(shape) // 4, 16


def _anywhere(sources, shape, key) -> Field:
  """Return sites' matches i32[h, w] by chance, all of them allowed."""
  allowed = np.asarray(sources.allowed)
  places = np.flatnonzero(allowed)
  # Numpy's index is 64 bits wide: a stack may have more than 2^31 pixels.
  drawn = np.asarray(jax.random.uniform(key, shape), np.float64)
  at = places[(drawn * len(places)).astype(np.int64)]
  return Field(
    *(jnp.asarray(i, jnp.int32) for i in np.unravel_index(at, allowed.shape))
  )


def _enlarged(field, sources, shape, scale, chance) -> Field:
  """Return the matches of sites, i32[h, w], from those of coarser cells."""
  size = scale * CELL
  y, x = (STRIDE * np.arange(n) for n in shape)
  i = np.minimum(y // size, field.row.shape[0] - 1).astype(int)[:, None]
  j = np.minimum(x // size, field.row.shape[1] - 1).astype(int)
  picture, row, column = (np.asarray(values)[i, j] for values in field)
  row = np.rint(size * (row - i) + y[:, None]).astype(np.int32)
  column = np.rint(size * (column - j) + x).astype(np.int32)
  sides = np.asarray(sources.sides)[picture]
  row = np.clip(row, 0, sides[..., 0] - 1)
  column = np.clip(column, 0, sides[..., 1] - 1)
  allowed = np.asarray(sources.allowed)[picture, row, column]
  return Field(
    *(
      jnp.where(allowed, new, old).astype(jnp.int32)
      for new, old in zip((picture, row, column), chance, strict=True)
    )
  )


def _cells(origins: Field) -> Field:
  """Return the cells' field i32[H // 4, W // 4] of the pixels' one."""
  height, width = (n // CELL * CELL for n in origins.row.shape)
  middle = slice(CELL // 2, None, CELL)
  picture, row, column = (
    np.asarray(v)[:height, :width][middle, middle] for v in origins
  )
  return Field(picture, row // CELL, column // CELL)


def _require_sizes(start, sources) -> None:
  for name, picture in [('start', start), *(('a source', s) for s in sources)]:
    core.require(
      min(picture.shape[:2]) >= _SMALLEST,
      f'{name} of {picture.shape[0]}x{picture.shape[1]} pixels: patches take '
      f'at least {_SMALLEST} a side; take a larger picture',
    )
