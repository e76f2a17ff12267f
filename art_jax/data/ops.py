"""Device operations of the data layer: crop, flip, [-1, 1].

The randomness of an example depends on the seed, its group and its position
in the run alone: never on the batch size, the engine or the devices.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.media.images import to_float

_DATA_STREAM = 0x64617461  # keeps these draws apart from those of the model


def group_key(seed: int, group: int) -> core.Key:
  """Return the key from which every draw of one group is folded."""
  key = jax.random.key(seed, impl='threefry2x32')
  return jax.random.fold_in(jax.random.fold_in(key, _DATA_STREAM), group)


def augment(
  rows: Mapping[str, jax.Array],
  positions: jax.Array,
  key: core.Key,
  data: core.Data,
) -> core.Batch:
  """Cut a random crop, flip at random and map to [-1, 1].

  All pictures of one row share one crop and one flip, so pairs stay aligned.

  Args:
    rows: u8[B, load, load, C] pictures and i32[B] labels, by key.
    positions: u32[B, 2], from `order.words`.
    key: from `group_key`.
    data: gives `size` and `flip`.

  Returns:
    f32[B, size, size, C] pictures in [-1, 1] and i32[B] labels.
  """

  def one(row, position):
    draw = jax.random.fold_in(jax.random.fold_in(key, position[0]), position[1])
    bits = jax.random.bits(draw, (3,), jnp.uint32)
    return {name: cut(value, bits) for name, value in row.items()}

  def cut(value, bits):
    if value.ndim < 3:
      return value
    span = jnp.uint32(value.shape[0] - data.size + 1)
    if value.shape[0] > data.size:
      top, left = (bits[:2] % span).astype(jnp.int32)
      value = jax.lax.dynamic_slice(
        value, (top, left, 0), (data.size, data.size, value.shape[2])
      )
    if data.flip:
      value = jnp.where(bits[2] >> 31, value[:, ::-1], value)
    return to_float(value)

  return jax.vmap(one)(dict(rows), positions)


def center(rows: Mapping[str, np.ndarray], size: int) -> dict[str, np.ndarray]:
  """Cut the center and map to [-1, 1]: what held-out pictures get.

  Args:
    rows: u8[B, load, load, C] pictures and i32[B] labels, by key.
    size: side of the result, in pixels.

  Returns:
    f32[B, size, size, C] pictures in [-1, 1] and i32[B] labels.
  """

  def cut(value):
    first = (value.shape[1] - size) // 2
    part = slice(first, first + size)
    return to_float(value[:, part, part])

  return {n: x if x.ndim < 4 else cut(x) for n, x in rows.items()}
