"""Attributes that a generator is conditioned on: names, numbers, a palette.

Each becomes a few numbers; joined they are the condition, one row per picture,
that takes the place of a one-hot label. What is not known of a picture is 0.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import jax
import jax.numpy as jnp

from art_jax import core


class Attribute(Protocol):
  """One thing that is known of a picture."""

  @property
  def name(self) -> str:
    """Of the attribute, and of its column in the data."""
    ...

  @property
  def width(self) -> int:
    """Numbers that it becomes."""
    ...

  def observe(self, batch: core.Batch) -> jax.Array:
    """Return f32[B, width] of the pictures of a batch."""
    ...

  def ask(self, value: Any, count: int) -> jax.Array:
    """Return f32[count, width] of what a user asks for; None: not known."""
    ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Category:
  """One of a list of names, e.g. an artist: a one-hot row.

  Attributes:
    name: of the column in the data.
    count: number of names.
  """

  name: str
  count: int

  def __post_init__(self):
    core.require(
      self.count >= 1,
      f'Category({self.name!r}, count={self.count}): count is at least 1',
    )

  @property
  def width(self) -> int:
    """Numbers that it becomes."""
    return self.count

  def observe(self, batch: core.Batch) -> jax.Array:
    """Return one-hot rows; zeros where the data says -1, i.e. not known."""
    return jax.nn.one_hot(batch[self.name], self.count)

  def ask(self, value: Any, count: int) -> jax.Array:
    """Return one-hot rows of an index, or of [count] of them."""
    index = jnp.asarray(-1 if value is None else value)
    core.require(
      index.dtype.kind == 'i' and jnp.all((index >= -1) & (index < self.count)),
      f'{self.name}={value!r}: it is a whole number in [0, {self.count}), or '
      'None where it is not to matter',
    )
    return jax.nn.one_hot(_rows(self.name, index, count), self.count)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Number:
  """A number, e.g. the year: scaled to [-1, 1], with a mark that it is known.

  Attributes:
    name: of the column in the data.
    low: value that becomes -1.
    high: value that becomes 1.
  """

  name: str
  low: float
  high: float

  def __post_init__(self):
    core.require(
      self.low < self.high,
      f'Number({self.name!r}, low={self.low}, high={self.high}): low is '
      'below high',
    )

  @property
  def width(self) -> int:
    """Numbers that it becomes."""
    return 2

  def observe(self, batch: core.Batch) -> jax.Array:
    """Return (scaled value, 1), or (0, 0) where the data says NaN."""
    value = batch[self.name]
    known = jnp.isfinite(value)
    scaled = 2 * (value - self.low) / (self.high - self.low) - 1
    return jnp.stack(
      [jnp.where(known, scaled, 0.0), known.astype(jnp.float32)], axis=1
    )

  def ask(self, value: Any, count: int) -> jax.Array:
    """Return the rows of a number, or of [count] of them."""
    value = jnp.float32(jnp.nan if value is None else value)
    return self.observe({self.name: _rows(self.name, value, count)})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Palette:
  """The mean color in each cell of a picture, computed from the picture.

  L*, a* and b* as (L - 50) / 25, a / 25 and b / 25.

  Attributes:
    cells: the picture is cut into cells x cells of equal size; 1: the mean
      color of the whole.
  """

  name: ClassVar[str] = 'palette'

  cells: int = 1

  def __post_init__(self):
    core.require(
      self.cells >= 1, f'Palette(cells={self.cells}): it is at least 1'
    )

  @property
  def width(self) -> int:
    """Numbers that it becomes."""
    return 3 * self.cells**2

  def observe(self, batch: core.Batch) -> jax.Array:
    """Return the scaled palette of the pictures."""
    return _scale(self.measure(batch['image'])).reshape(-1, self.width)

  def measure(self, images: jax.Array) -> jax.Array:
    """Return f32[B, cells, cells, 3], the mean L*, a*, b* of every cell.

    Args:
      images: f32[B, H, H, C] in [-1, 1], H a multiple of `cells`.
    """
    from art_jax.media import cielab

    lab = cielab.rgb_to_lab(images)
    rows, side, _, _ = lab.shape
    core.require(
      side % self.cells == 0,
      f'Palette(cells={self.cells}): it does not divide pictures of {side} '
      'px; pass a divisor',
    )
    cell = side // self.cells
    return lab.reshape(rows, self.cells, cell, self.cells, cell, 3).mean(
      axis=(2, 4)
    )

  def ask(self, value: Any, count: int) -> jax.Array:
    """Return the rows of L*, a*, b*: [3], [cells, cells, 3] or one per row."""
    core.require(
      value is not None,
      'palette: every picture has one, so pass it: (L, a, b), '
      'e.g. (50, 0, 0) for a middle gray',
    )
    value = jnp.asarray(value, jnp.float32)
    cells = (self.cells, self.cells, 3)
    if value.shape in ((3,), (count, 3)):
      value = value[..., None, None, :]
    core.require(
      value.shape in ((1, 1, 3), cells, (count, 1, 1, 3), (count, *cells)),
      f'palette of shape {value.shape}: pass (L, a, b), or {cells}, or '
      f'{count} of them',
    )
    rows = jnp.broadcast_to(_scale(value), (count, *cells))
    return rows.reshape(count, self.width)


def require_distinct(attributes: Sequence[Attribute], num_classes: int) -> None:
  """Raise UserError unless names are distinct and there are no classes too."""
  core.require(
    not (attributes and num_classes),
    f'algorithm.num_classes={num_classes}: with algorithm.attributes it is '
    "0; name the classes by Category(name='label', count=...) among these",
  )
  names = [one.name for one in attributes]
  for name in names:
    core.require(
      name not in ('image', 'a', 'b') and names.count(name) <= 1,
      f'algorithm.attributes names {name!r} '
      + ('twice' if names.count(name) > 1 else 'like a picture')
      + '; give each attribute a name of its own',
    )


def columns(attributes: Sequence[Attribute]) -> dict[str, int]:
  """Return what the data must give: names to counts, 0 for numbers."""
  return {
    one.name: getattr(one, 'count', 0)
    for one in attributes
    if not isinstance(one, Palette)
  }


def observe(attributes: Sequence[Attribute], batch: core.Batch) -> jax.Array:
  """Return f32[B, W], the conditions of the pictures of a batch."""
  return jnp.concatenate([one.observe(batch) for one in attributes], axis=1)


def ask(
  attributes: Sequence[Attribute], values: Mapping[str, Any], count: int
) -> jax.Array:
  """Return f32[count, W], the conditions that a user asks for.

  Args:
    attributes: of the model.
    values: by name; one value for all rows, or one for each. An attribute
      that is not named is not known.
    count: number of rows.

  Raises:
    core.UserError: for a name or a value that is not allowed.
  """
  known = [one.name for one in attributes]
  for name in values:
    core.require(
      name in known,
      f'there is no attribute {name!r}; this model knows {", ".join(known)}',
    )
  return jnp.concatenate(
    [one.ask(values.get(one.name), count) for one in attributes], axis=1
  )


def _scale(lab: jax.Array) -> jax.Array:
  return (lab - jnp.array([50.0, 0.0, 0.0])) / 25


def _rows(name: str, value: jax.Array, count: int) -> jax.Array:
  core.require(
    value.shape in ((), (count,)),
    f'{name} of shape {value.shape}: pass one value, or {count} of them',
  )
  return jnp.broadcast_to(value, (count,))
