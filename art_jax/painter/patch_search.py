"""The patch of some pictures that is most like each patch of another.

PatchMatch (Barnes et al. 2009, "PatchMatch: A Randomized Correspondence
Algorithm for Structural Image Editing"): neighbors in the picture mostly match
neighbors in the source, so a match spreads to where it fits, and chance finds
the first. All sites move at once, as on a GPU, not in scanline order.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from art_jax.nn.field import Field

RADIUS = 3  # a patch has 7x7 pixels
STRIDE = 2  # pixels between the sites that are matched
_REACH = 4  # sites: matches spread by 1 and by 4
_STEPS = [(0, 1), (1, 0), (0, 4), (4, 0)]
_AROUND = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
_SITES = 2**16  # at a time
_FORBIDDEN = 100.0  # more than any two patches differ


class Stack(NamedTuple):
  """Pictures of different sizes as one array.

  Attributes:
    pixels: f32[P, H + 6, 3 (W + 6)], rows of RGB; 3 pixels around a picture are
      mirrored, what remains is 0.
    roughness: f32[P, H, W], of the patch at each pixel: the root of the mean
      squared difference of its neighbors.
    allowed: bool[P, H, W]: a patch may be taken from here.
    sides: i32[P, 2], height and width of each picture.
  """

  pixels: jax.Array
  roughness: jax.Array
  allowed: jax.Array
  sides: jax.Array


class Wishes(NamedTuple):
  """What a match costs besides the difference of the patches.

  Attributes:
    coherence: taken off a match that continues those of all 8 sites around,
      in units of mean squared differences of [-1, 1] pixels.
    texture: weight of the square of how much smoother the patch is. Without it
      the smoothest patch is the nearest to all that are not quite alike.
    radii: f32[3] of the random search, in pixels.
    avoided: Field of i32[n, h, w], offsets that a site must not have
      (`picture` < 0: none), rows and columns in pixels.
    margin: how near to it no offset may be, in pixels.
  """

  coherence: jax.Array | float
  texture: jax.Array | float
  radii: jax.Array
  avoided: Field
  margin: jax.Array | int


def stack(pictures: list[np.ndarray], masks: list | None = None) -> Stack:
  """Return pictures, f32[h, w, 3] each, as one array.

  Args:
    pictures: sides of at least 7.
    masks: bool[h, w] for each, or None: patches are taken where it is True in
      all of the patch.
  """
  height, width = (max(p.shape[axis] for p in pictures) for axis in (0, 1))
  pixels, allowed = [], []
  for number, picture in enumerate(pictures):
    rest = (height - picture.shape[0], width - picture.shape[1])
    around = np.pad(picture, [(RADIUS, RADIUS)] * 2 + [(0, 0)], 'reflect')
    pixels.append(np.pad(around, [(0, rest[0]), (0, rest[1]), (0, 0)]))
    mask = masks[number] if masks else np.ones(picture.shape[:2], bool)
    allowed.append(np.pad(_whole(mask), [(0, rest[0]), (0, rest[1])]))
  padded = jnp.asarray(np.stack(pixels), jnp.float32)
  return Stack(
    padded.reshape(*padded.shape[:2], -1),
    _roughness(padded),
    jnp.asarray(np.stack(allowed)),
    jnp.asarray([p.shape[:2] for p in pictures], jnp.int32),
  )


def sites(length: int) -> int:
  """Return how many sites a side of so many pixels has."""
  return -(-length // STRIDE)


@jax.jit
def search(
  picture: jax.Array,
  sources: Stack,
  field: Field,
  wishes: Wishes,
  key: jax.Array,
  rounds: jax.Array | int,
) -> tuple[Field, jax.Array]:
  """Improve the matches of a picture's patches.

  Args:
    picture: f32[H, W, 3]; outside it is mirrored.
    sources: where patches are taken from.
    field: i32[h, w] over the sites, every second pixel; pixels of the sources.
    wishes: what else counts.
    key: of the random search.
    rounds: each tries 8 matches of sites around and 3 random ones.

  Returns:
    the field, and f32[h, w], the cost of its matches.
  """
  target = jnp.pad(picture, [(RADIUS, RADIUS)] * 2 + [(0, 0)], 'reflect')
  roughness = _roughness(target[None])[0, ::STRIDE, ::STRIDE]
  target = target.reshape(1, target.shape[0], -1)

  def one(index, carry):
    field, _ = carry
    key_now = jax.random.fold_in(key, index)
    return _round(target, roughness, sources, field, wishes, key_now)

  zero = jnp.zeros(field.row.shape)
  return jax.lax.fori_loop(0, rounds, one, (field, zero))


def _round(target, roughness, sources, field, wishes, key):
  """Return the field and its costs after each site tried its candidates."""
  height, width = field.row.shape
  rows = min(height, max(1, _SITES // width))
  count = -(-height // rows)
  y, x = STRIDE * jnp.indices((height, width))
  offsets = jnp.stack([field.picture, field.row - y, field.column - x])
  fill = [(0, 0), (_REACH, _REACH + count * rows - height), (_REACH, _REACH)]
  offsets = jnp.pad(offsets, fill, 'edge')
  below = fill[1][1] - _REACH
  roughness = jnp.pad(roughness, [(0, below), (0, 0)])
  avoided = jnp.pad(
    jnp.stack(wishes.avoided), [(0, 0), (0, 0), (0, below), (0, 0)]
  )

  def block(number):
    first = number * rows
    part = functools.partial(jax.lax.dynamic_slice_in_dim, start_index=first)
    near = part(offsets, slice_size=rows + 2 * _REACH, axis=1)
    y, x = (STRIDE * i.reshape(-1) for i in jnp.indices((rows, width)))
    cost = functools.partial(
      _cost,
      sources=sources,
      patches=_patches(target, jnp.zeros_like(x), y + STRIDE * first, x),
      roughness=part(roughness, slice_size=rows, axis=0).reshape(-1),
      around=[_moved(near, i, j) for i, j in _AROUND],
      avoided=part(avoided, slice_size=rows, axis=2).reshape(3, -1, x.size),
      wishes=wishes,
      y=y + STRIDE * first,
      x=x,
    )
    spreading = [
      _moved(near, sign * i, sign * j) for i, j in _STEPS for sign in (-1, 1)
    ]
    chance = jax.random.uniform(
      jax.random.fold_in(key, number), (3, 2, x.size), minval=-1
    )
    return _best(cost, _moved(near, 0, 0), spreading, chance, wishes.radii)

  best, costs = jax.lax.map(block, jnp.arange(count))
  best = jnp.moveaxis(best, 1, 0).reshape(3, -1, width)[:, :height]
  costs = costs.reshape(-1, width)[:height]
  return Field(best[0], best[1] + y, best[2] + x), costs


def _moved(near: jax.Array, i: int, j: int) -> jax.Array:
  """Return i32[3, n], the offsets of the sites (i, j) further."""
  height, width = (length - 2 * _REACH for length in near.shape[1:])
  rows = slice(_REACH + i, _REACH + i + height)
  return near[:, rows, _REACH + j : _REACH + j + width].reshape(3, -1)


def _best(cost, offsets, candidates, chance, radii):
  """Return the best offsets i32[3, n] and their costs f32[n]."""

  def better(now, candidate):
    offsets, costs = now
    candidate, new = cost(candidate)
    take = new < costs
    return jnp.where(take, candidate, offsets), jnp.where(take, new, costs)

  now = cost(offsets)
  now, _ = jax.lax.scan(
    lambda now, new: (better(now, new), None), now, jnp.stack(candidates)
  )

  def throw(now, step):
    move, radius = step
    move = jnp.round(move * radius).astype(jnp.int32)
    return better(now, now[0].at[1:].add(move)), None

  return jax.lax.scan(throw, now, (chance, radii))[0]


def _cost(
  offsets, *, sources, patches, roughness, around, avoided, wishes, y, x
) -> tuple[jax.Array, jax.Array]:
  """Return offsets i32[3, n] moved into their pictures, and costs f32[n]."""
  picture = offsets[0]
  sides = sources.sides[picture]
  row = jnp.clip(offsets[1] + y, 0, sides[:, 0] - 1)
  column = jnp.clip(offsets[2] + x, 0, sides[:, 1] - 1)
  offsets = jnp.stack([picture, row - y, column - x])
  differences = _patches(sources.pixels, picture, row, column) - patches
  costs = jnp.mean(differences**2, -1)
  smoother = jax.nn.relu(roughness - sources.roughness[picture, row, column])
  costs += wishes.texture * smoother**2
  continued = sum(jnp.all(offsets == other, 0) for other in around)
  costs -= wishes.coherence / len(around) * continued
  far = jnp.abs(offsets[1:, None] - avoided[1:]).max(0) > wishes.margin
  copied = (avoided[0] == picture) & ~far
  wrong = copied.any(0) | ~sources.allowed[picture, row, column]
  return offsets, costs + jnp.where(wrong, _FORBIDDEN, 0)


def _patches(pixels, picture, row, column) -> jax.Array:
  """Return f32[n, 147], the patches whose middles are given."""
  size = 2 * RADIUS + 1
  numbers = jax.lax.GatherDimensionNumbers(
    offset_dims=(1, 2), collapsed_slice_dims=(0,), start_index_map=(0, 1, 2)
  )
  at = jnp.stack([picture, row, 3 * column], -1)
  patches = jax.lax.gather(pixels, at, numbers, (1, size, 3 * size))
  return patches.reshape(row.size, -1)


def _roughness(padded: jax.Array) -> jax.Array:
  """Return f32[P, H, W]; see `Stack`."""
  size = 2 * RADIUS + 1
  right, below = (jnp.diff(padded, axis=axis) ** 2 for axis in (2, 1))
  steps = [right[:, 1:], below[:, :, 1:]]
  window = (1, size - 1, size - 1)
  total = sum(
    jax.lax.reduce_window(
      x.mean(-1), 0.0, jax.lax.add, window, (1, 1, 1), 'VALID'
    )
    for x in steps
  )
  return jnp.sqrt(total / (2 * (size - 1) ** 2))


def _whole(mask: np.ndarray) -> np.ndarray:
  """Return bool[h, w]: the patch around a pixel lies in the mask."""
  for axis in (0, 1):
    fill = [(RADIUS, RADIUS) if i == axis else (0, 0) for i in (0, 1)]
    around = np.pad(mask, fill, 'edge')
    parts = [
      np.take(around, np.arange(k, k + mask.shape[axis]), axis)
      for k in range(2 * RADIUS + 1)
    ]
    mask = np.logical_and.reduce(parts)
  return mask
