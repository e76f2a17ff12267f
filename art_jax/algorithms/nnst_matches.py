"""What nearest-neighbor style transfer matches: banks of painted cells."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from art_jax.algorithms import nnst_colors, trainable
from art_jax.losses import hypercolumns as columns_of
from art_jax.nn import laplacian, nearest
from art_jax.nn.field import Field, Turned, turned


class Matches(NamedTuple):
  """The painted cell that each cell is compared with.

  Attributes:
    bank: i32[B, h, w], number of the bank.
    index: i32[B, h, w], its row.
  """

  bank: jax.Array
  index: jax.Array


class Painted(NamedTuple):
  """The cells of a painting in all its orientations.

  Attributes:
    bank: of their hypercolumns, S rows.
    colors: f32[S, 3], mean color of each cell.
    place: i32[S, 3], orientation (number in a list), row and column.
  """

  bank: nearest.Bank
  colors: jax.Array
  place: jax.Array


class Targets(struct.PyTreeNode):
  """What a picture is compared with; computed once a scale.

  Attributes:
    content: hypercolumns of the content, f32[B, h, w, C]; of a tile alone ().
    painted: of each painting.
    contrast: f32[3], deviation of the paintings' detail, by channel.
    masks: per painting f32[H, W] in [0, 1], where it applies; () everywhere.
    before: of a video, the last frame's picture moved, f32[1, H, W, 3]; ().
    trust: f32[H, W] in [0, 1], where `before` holds; ().
    center: of a tile, mean hypercolumn of the whole picture,
      f32[B, 1, 1, C]; ().
    gain: of a tile, f32[B, 3], what its detail is multiplied by; ().
    share: of a tile, f32[], of the content in what is matched; ().
  """

  content: Any
  painted: tuple[Painted, ...]
  contrast: jax.Array
  masks: tuple[jax.Array, ...] = ()
  before: Any = ()
  trust: Any = ()
  center: Any = ()
  gain: Any = ()
  share: Any = ()


class NNSTState(struct.PyTreeNode):
  """A picture that is being painted.

  Attributes:
    canvas: the levels of its pyramid and their optimizer.
    features: variables of the feature network; frozen.
    targets: what the picture is compared with; constant.
    matches: of each cell, since the last search.
    clock: i32[], steps taken at this scale; the schedules read it.
  """

  canvas: trainable.Trainable
  features: Any
  targets: Targets
  matches: Matches
  clock: jax.Array


def paint_banks(
  extract: Callable[[jax.Array], jax.Array],
  sources: Sequence[jax.Array],
  lists: Sequence[Sequence[Turned]],
  cells: int,
) -> tuple[Painted, ...]:
  """Return the cells of paintings: one bank for each list of orientations.

  All banks have one center, the mean of their rows. Rows are concatenated in
  the order of the list and padded to a multiple of 1,024, so that banks of
  about the same size have one shape.

  Args:
    extract: from f32[1, h, w, 3] to hypercolumns.
    sources: f32[1, h, w, 3].
    lists: what each bank holds.
    cells: at most so many rows of a bank; more are thinned out evenly.
  """
  parts = []
  for pictures in lists:
    rows, colors, places = [], [], []
    for number, (source, turn) in enumerate(pictures):
      picture = turned(sources[source], turn)
      columns = extract(picture)[0]
      h, w, channels = columns.shape
      least = max(cells // len(pictures), 1)
      kept = np.arange(min(least, h * w)) * h * w // min(least, h * w)
      rows.append(columns.reshape(-1, channels)[kept])
      cell_colors = laplacian.resized(picture, (h, w))
      colors.append(cell_colors.reshape(-1, 3)[kept])
      place = np.stack(
        [np.full(h * w, number), *np.indices((h, w)).reshape(2, -1)], 1
      )
      places.append(jnp.asarray(place[kept], jnp.int32))
    parts.append([jnp.concatenate(x) for x in (rows, colors, places)])
  count = sum(part[0].shape[0] for part in parts)
  total = sum((jnp.sum(part[0], 0) for part in parts), jnp.float32(0))
  center = total / count
  return tuple(
    _painted(nearest.padded(nearest.bank(rows, center)), colors, place)
    for rows, colors, place in parts
  )


def choose(
  similarities: jax.Array, shares: Sequence[float], masks: jax.Array | None
) -> jax.Array:
  """Return i32[n], the painting that each cell takes.

  Args:
    similarities: f32[P, n] of its best matches.
    shares: of the area, of each painting; (): the most similar one, always.
    masks: f32[P, n] in [0, 1]; a painting applies where its mask is at least
      half of the greatest one. None: everywhere.
  """
  if masks is not None:
    applies = (masks >= 0.5 * jnp.max(masks, 0)) & (masks > 0)
    # So low that no offset below lifts it.
    similarities = jnp.where(applies, similarities, -1e9)
  count = similarities.shape[0]
  if shares and count > 1:
    # A painting wins the share of cells where it lacks the least; two
    # paintings need one round.
    asked = jnp.array(shares) / sum(shares)
    for number in [*range(count)] * (1 if count == 2 else 8):
      others = jnp.delete(similarities, number, 0, assume_unique_indices=True)
      lacking = jnp.max(others, 0) - similarities[number]
      offset = jnp.quantile(jnp.clip(lacking, -2, 2), asked[number])
      similarities = similarities.at[number].add(offset)
      if count == 2:
        break
  return jnp.argmax(similarities, 0).astype(jnp.int32)


def gathered(matches: Matches, arrays: Sequence[jax.Array]) -> jax.Array:
  """Return [B, h, w, ...], each cell's row of its bank's array [S_i, ...]."""
  picked = arrays[0][matches.index]
  for number, array in enumerate(arrays[1:], 1):
    here = jnp.expand_dims(matches.bank == number, range(3, picked.ndim))
    rows = jnp.minimum(matches.index, array.shape[0] - 1)
    picked = jnp.where(here, array[rows], picked)
  return picked


def field(matches: Matches, painted: Sequence[Painted]) -> Field:
  """Return where each cell of the first picture comes from."""
  place = gathered(matches, [one.place for one in painted])[0]
  return Field(place[..., 0], place[..., 1], place[..., 2])


def _painted(bank: nearest.Bank, colors, place) -> Painted:
  more = ((0, bank.rows.shape[0] - colors.shape[0]), (0, 0))
  return Painted(bank, jnp.pad(colors, more), jnp.pad(place, more))


def match(
  columns: jax.Array,
  targets: Targets,
  share: jax.Array | float,
  blend: Sequence[float],
  **search: int,
) -> Matches:
  """Return the painted cells that are the most similar to others.

  Args:
    columns: of the picture, f32[B, h, w, C].
    targets: of this picture or tile.
    share: of the content in what is matched.
    blend: see `choose`.
    **search: see `nearest.nearest`.
  """
  columns = jax.lax.stop_gradient(columns)
  if not isinstance(targets.share, tuple):
    share = targets.share
  columns = (1 - share) * columns + share * targets.content
  center = targets.center
  if isinstance(center, tuple):
    center = jnp.mean(columns, (1, 2), keepdims=True)
  shape, channels = columns.shape[:3], columns.shape[3]
  queries = (columns - center).reshape(-1, channels)
  index, similarity = zip(
    *(nearest.nearest(queries, one.bank, **search) for one in targets.painted),
    strict=True,
  )
  if len(index) == 1:
    bank = jnp.zeros(shape, jnp.int32)
    return Matches(bank, index[0].reshape(shape))
  masks = cell_masks(targets, shape)
  bank = choose(jnp.stack(similarity), blend, masks)
  index = jnp.take_along_axis(jnp.stack(index), bank[None], 0)[0]
  return Matches(bank.reshape(shape), index.reshape(shape))


def column_sums(
  columns: jax.Array,
  matches: Matches | None,
  targets: Targets,
  weights: jax.Array,
) -> dict[str, jax.Array]:
  """Return the sums of the losses over the cells of a picture.

  Args:
    columns: of the picture, f32[B, h, w, C].
    matches: of its cells; None: the losses are 0.
    targets: of this picture or tile.
    weights: f32[h, w], 1 where a cell counts.
  """
  count = jnp.sum(weights)
  if matches is None:
    none = jnp.zeros(columns.shape[0])
    return {'style': none, 'content': none, 'count': count}
  painted = weights
  masks = cell_masks(targets, columns.shape[:3])
  if masks is not None:
    masks = masks.reshape(-1, *columns.shape[:3])
    painted = weights * jnp.take_along_axis(masks, matches.bank[None], 0)[0]
  rows = gathered(matches, [one.bank.rows for one in targets.painted])
  style = painted * columns_of.cosine_distance(columns, rows)
  content = weights * columns_of.cosine_distance(columns, targets.content)
  return {
    'style': jnp.sum(style, (1, 2)),
    'content': jnp.sum(content, (1, 2)),
    'count': count,
  }


def statistics(
  columns: jax.Array,
  pixels: jax.Array,
  weights: jax.Array,
  inside: jax.Array,
) -> dict[str, jax.Array]:
  """Return the sums that a tile needs of the whole picture.

  Args:
    columns: f32[B, h, w, C].
    pixels: f32[B, H, W, 3].
    weights: f32[h, w], 1 where a cell counts.
    inside: f32[H, W], 1 where a pixel counts.
  """
  squares = inside[..., None] * nnst_colors.detail(pixels) ** 2
  return {
    'columns': jnp.sum(weights[..., None] * columns, (1, 2)),
    'squares': jnp.sum(squares, (1, 2)),
    'pixels': jnp.sum(inside),
  }


def cell_masks(targets: Targets, shape: tuple[int, ...]) -> jax.Array | None:
  """Return the masks f32[P, B h w] at cells; None where there are none."""
  if not targets.masks:
    return None
  masks = jnp.stack(targets.masks)[..., None]
  masks = laplacian.resized(masks, shape[1:])[..., 0]
  return jnp.tile(masks.reshape(len(targets.masks), -1), (1, shape[0]))
