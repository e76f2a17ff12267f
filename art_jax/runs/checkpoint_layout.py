"""The layout of a checkpoint: its leaves, where they lie, whether they fit.

A checksum shows accidents, not intent: a checkpoint of unknown origin may hold
anything under a valid one. So nothing is allocated or read from a layout
before its sizes add up.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from etils import epath

from art_jax import core


class SaveError(core.StorageError):
  """A checkpoint could not be written; older ones are intact."""


class StructureError(core.UserError):
  """A good checkpoint holds another model than the one that reads it."""


class Damaged(Exception):
  """What is on disk is not what was saved.

  Its `reason` is a short word, fit for a folder's name.
  """

  def __init__(self, reason: str, detail: str):
    super().__init__(detail)
    self.reason = reason


def require_consistent(layout: dict[str, Any]) -> None:
  """Raise Damaged unless leaves lie side by side and fill their pieces."""
  try:
    filled = {}
    for row in layout['leaves']:
      name, offset, size = row['stored']
      leaf, dtype = f'leaf {row["path"]}', row['dtype']
      whole = all(isinstance(n, int) and n >= 0 for n in (offset, size))
      follows = whole and offset == filled.get(name, 0)
      core.require(follows, f'{leaf} does not follow the one before')
      keys, count = dtype.startswith('key<'), math.prod(row['shape'])
      core.require(keys or size == count, f'{leaf} is not of its size')
      # Keys are stored as a few words each.
      few = not keys or size <= 16 * count
      core.require(few, f'{leaf} is too large for keys')
      kind = 'uint32_' if keys else f'{dtype}_'
      core.require(name.startswith(kind), f'{leaf} is not of its type')
      filled[name] = offset + size
    pieces = layout['pieces']
    core.require(filled == filled | pieces, 'pieces and leaves differ')
    there = all(name in pieces for name, size in filled.items() if size)
    core.require(there, 'a piece is missing')
  except (ValueError, TypeError, KeyError, AttributeError) as e:
    raise Damaged('bad-layout', f'item "layout" contradicts itself: {e}') from e


def match(abstract_state, rows: list, folder: epath.Path) -> list[tuple]:
  """Return `(row, leaf)` in the order of the abstract state.

  Raises:
    StructureError: naming the first leaf that differs.
  """
  stored = {row['path']: row for row in rows}
  matched, wrong = [], []
  for path, leaf in jax.tree_util.tree_leaves_with_path(abstract_state):
    leaf = as_array(path, leaf)
    name = jax.tree_util.keystr(path)
    want = f'{leaf.dtype}{list(leaf.shape)}'
    row = stored.pop(name, None)
    have = row and f'{row["dtype"]}{row["shape"]}'
    if have != want:
      wrong.append(f'{name} is {have or "missing"} there and {want} here')
    matched.append((row, leaf))
  wrong += [
    f'{name} is {row["dtype"]}{row["shape"]} there and missing here'
    for name, row in stored.items()
  ]
  if wrong:
    more = f' ({len(wrong)} leaves differ)' if len(wrong) > 1 else ''
    raise StructureError(
      f'{folder} holds another model: leaf {wrong[0]}{more}; use the '
      'settings it was trained with, or another folder'
    )
  return matched


def as_array(path: Any, leaf: Any) -> Any:
  """Return a leaf with shape and dtype; Python numbers become arrays.

  Raises:
    UserError: it is anything else.
  """
  if isinstance(leaf, bool | int | float | complex):
    return jnp.asarray(leaf)
  kind = getattr(getattr(leaf, 'dtype', None), 'kind', 'O')
  if not hasattr(leaf, 'shape') or kind in 'OUSMm' and not is_key(leaf):
    raise core.UserError(
      f'leaf {jax.tree_util.keystr(path)} is {type(leaf).__name__}: a state '
      'holds arrays only; put anything else into the host mapping'
    )
  return leaf


def is_key(leaf: Any) -> bool:
  """Tell whether a leaf is an array of PRNG keys."""
  dtype = getattr(leaf, 'dtype', None)
  return dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)
