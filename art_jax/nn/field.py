"""Where each cell of a painted picture comes from: a field of matches.

A cell is 4x4 pixels. Sources are matched in several orientations; the list of
`Turned` says which, and a `Field` names, for each cell of the painted picture,
an entry of that list and a cell of it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

CELL = 4  # pixels
TURNS = 8


class Field(NamedTuple):
  """The match of each cell; arrays i32[h, w] over the painted picture.

  Attributes:
    picture: number of the entry in the list of turned sources.
    row: of the cell in that turned source.
    column: of the cell in that turned source.
  """

  picture: Any
  row: Any
  column: Any


class Turned(NamedTuple):
  """A source in one orientation.

  Attributes:
    source: number of the source picture.
    turn: 0..7: mirrored left-right first if >= 4, then turn % 4 quarter turns
      counterclockwise (`np.rot90`).
  """

  source: int
  turn: int


def turned(picture: Any, turn: int) -> Any:
  """Return a picture [..., H, W, C] in another orientation; see `Turned`.

  Raises:
    ValueError: the turn is not in 0..7.
  """
  _require_turn(turn)
  mirrored = picture[..., ::-1, :] if turn >= 4 else picture
  library = np if isinstance(picture, np.ndarray) else jnp
  return library.rot90(mirrored, turn % 4, axes=(-3, -2))


def inverse(
  row: Any, column: Any, turn: int, shape: tuple[int, int]
) -> tuple[Any, Any]:
  """Return row and column, in the source, of cells of its turned picture.

  Args:
    row: ints of any shape, of the turned picture.
    column: the same shape.
    turn: the orientation, 0..7.
    shape: height and width of the source, in the same cells.

  Raises:
    ValueError: the turn is not in 0..7.
  """
  _require_turn(turn)
  height, width = shape
  row, column = (
    (row, column),
    (column, width - 1 - row),
    (height - 1 - row, width - 1 - column),
    (height - 1 - column, row),
  )[turn % 4]
  return row, width - 1 - column if turn >= 4 else column


def in_sources(
  field: Field, pictures: Sequence[Turned], shapes: Sequence[tuple[int, int]]
) -> Field:
  """Return the field over the sources as they were given, not turned.

  Args:
    field: over the turned sources.
    pictures: the list that `field.picture` counts in.
    shapes: height and width of each source, in cells.

  Returns:
    `picture` is the number of the source.
  """
  picture, row, column = field
  for number, (source, turn) in enumerate(pictures):
    here = field.picture == number
    r, c = inverse(field.row, field.column, turn, shapes[source])
    picture = jnp.where(here, source, picture)
    row, column = jnp.where(here, r, row), jnp.where(here, c, column)
  return Field(picture, row, column)


def _require_turn(turn: int) -> None:
  if turn not in range(TURNS):
    raise ValueError(f'turn = {turn}: it is 0, ..., {TURNS - 1}')
