"""One picture from the patches that its sites chose.

A plain mean of the 49 patches that cover a pixel is a blur where they
disagree. Votes are weighted by fit and distance, and the mean moves to the
color that most of them agree on.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from art_jax.nn.field import Field
from art_jax.painter.patch_search import RADIUS, STRIDE, Stack

_FIRST = -((RADIUS + STRIDE - 1) // STRIDE) + 1  # the sites whose patches cover
_COVER = 2 * RADIUS // STRIDE + 1  # a pixel, on each axis


class Sharpness(NamedTuple):
  """How much a vote counts.

  Attributes:
    fit: cost at which a vote counts 1 / e.
    distance: standard deviation of the weight around a patch's middle, pixels.
    agreement: standard deviation around the mean, of [-1, 1] colors; halved
      in each pass.
    passes: 1 is the plain weighted mean; each further one moves it towards the
      mode.
  """

  fit: jax.Array | float
  distance: jax.Array | float
  agreement: jax.Array | float
  passes: jax.Array | int


@jax.jit
def blend(
  sources: Stack, field: Field, costs: jax.Array, like: jax.Array, by: Sharpness
) -> tuple[jax.Array, Field]:
  """Return the picture that the patches vote for, and who won each pixel.

  Args:
    sources: of the patches.
    field: i32[h, w] over the sites, pixels of the sources.
    costs: f32[h, w], of the matches.
    like: f32[H, W, 3]; only its shape counts.
    by: how votes are weighted.

  Returns:
    f32[H, W, 3] and a Field i32[H, W] of pixels of the sources.
  """
  y, x = jnp.indices(like.shape[:2])
  flat = sources.pixels.reshape(*sources.pixels.shape[:2], -1, 3)
  height, width = costs.shape
  least = jax.lax.reduce_window(
    costs, jnp.inf, jax.lax.min, (2 * _COVER - 3,) * 2, (1, 1), 'SAME'
  )[y // STRIDE, x // STRIDE]

  def vote(middle, agreement):
    def add(number, totals):
      colors, weights, most, winner = totals
      i = y // STRIDE + _FIRST + number // _COVER
      j = x // STRIDE + _FIRST + number % _COVER
      inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
      i, j = jnp.clip(i, 0, height - 1), jnp.clip(j, 0, width - 1)
      down, right = y - STRIDE * i, x - STRIDE * j
      inside &= (abs(down) <= RADIUS) & (abs(right) <= RADIUS)
      picture = field.picture[i, j]
      row, column = field.row[i, j] + down, field.column[i, j] + right
      color = flat[picture, row + RADIUS, column + RADIUS]
      near = (down**2 + right**2) / (2 * by.distance**2)
      apart = jnp.sum((color - middle) ** 2, -1) / (2 * agreement**2)
      worse = (costs[i, j] - least) / by.fit
      # Votes that all lie far from the mean count alike.
      weight = inside * (jnp.exp(-near - worse - apart) + 1e-30)
      sides = sources.sides[picture]
      row = jnp.clip(row, 0, sides[..., 0] - 1)
      column = jnp.clip(column, 0, sides[..., 1] - 1)
      ahead = weight > most
      winner = jax.tree.map(
        lambda new, old: jnp.where(ahead, new, old),
        Field(picture, row, column),
        winner,
      )
      return (
        colors + weight[..., None] * color,
        weights + weight,
        jnp.maximum(most, weight),
        winner,
      )

    zero = jnp.zeros(like.shape[:2])
    none = jnp.zeros(like.shape[:2], jnp.int32)
    start = (jnp.zeros_like(like), zero, zero, Field(none, none, none))
    colors, weights, _, winner = jax.lax.fori_loop(0, _COVER**2, add, start)
    return colors / weights[..., None], winner

  first = vote(jnp.zeros_like(like), jnp.inf)

  def sharpen(index, now):
    return vote(now[0], by.agreement / 2.0**index)

  return jax.lax.fori_loop(0, by.passes - 1, sharpen, first)
