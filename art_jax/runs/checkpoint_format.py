"""One checkpoint on disk: how a state is packed, checked and read back.

The time of orbax grows with the number of leaves, and it does not notice
flipped bits. So leaves are packed into a few flat arrays beside a JSON layout
that holds a crc32 of every leaf, of the host item and of itself:

  <folder>/<step>/arrays   {'float32_0': f32[n], 'float32_1': f32[m], ...}
  <folder>/<step>/layout   path, shape, dtype, place and crc32 of each leaf
  <folder>/<step>/host     what the loop keeps (step, seed, best, ...)
"""

import dataclasses
import errno
import json
import zlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from etils import epath
from jax.experimental import multihost_utils

from art_jax import core
from art_jax.runs.checkpoint_layout import (
  Damaged,
  as_array,
  is_key,
  match,
  require_consistent,
)

_VERSION = 1
# Orbax compresses and reads one array in one thread: pieces go in parallel.
_PIECE_BYTES = 32 << 20
# Not the checkpoint's fault: putting it aside would not help.
_PASSING = ('PERMISSION_DENIED', 'UNAVAILABLE', 'RESOURCE_EXHAUSTED')
# What the system says of a file that is missing, another thing, or damaged.
_BAD_FILE = (None, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EIO)


@dataclasses.dataclass(frozen=True)
class Restored:
  """A checkpoint that was read.

  Attributes:
    step: of the checkpoint.
    state: in the structure of the abstract state. Leaves are host numpy
      arrays, except PRNG keys and weakly typed leaves, which numpy cannot
      express: these are jax arrays on the default device. Numpy leaves
      share memory: place or copy them before writing into them.
    host: the mapping given to `Checkpoints.save`, as JSON gives it back.
  """

  step: int
  state: core.PyTree
  host: dict[str, Any]


def pack(state: core.PyTree, *, keep: bool = True) -> tuple[list, dict]:
  """Copy a state into flat host arrays.

  Args:
    state: pytree of arrays on any devices of all processes; every process
      calls it, for sharded leaves are gathered.
    keep: False only takes part in the gathering and returns nothing.

  Returns:
    `(leaves, pieces)`: a JSON row per leaf, and the flat arrays by name.

  Raises:
    UserError: a leaf is not an array.
  """
  named = [
    (path, as_array(path, leaf))
    for path, leaf in jax.tree_util.tree_leaves_with_path(state)
  ]
  arrays = [_gather(leaf) for _, leaf in named]
  if not keep:
    return [], {}
  for data in arrays:
    if isinstance(data, jax.Array):
      data.copy_to_host_async()  # all at once, then wait for one by one
  rows, fill = [], {}
  for (path, leaf), data in zip(named, arrays, strict=True):
    dtype = str(data.dtype)
    # A leaf lies in one piece; a piece is full when it has _PIECE_BYTES.
    number, used = fill.get(dtype, (0, 0))
    if used * data.dtype.itemsize >= _PIECE_BYTES:
      number, used = number + 1, 0
    fill[dtype] = number, used + data.size
    rows.append(
      {
        'path': jax.tree_util.keystr(path),
        'shape': list(leaf.shape),
        'dtype': str(leaf.dtype),
        'stored': [f'{dtype}_{number}', used, data.size],
      }
    )
  stored = (row['stored'] for row in rows)
  sizes = {name: offset + size for name, offset, size in stored}
  pieces = {k: np.empty(n, _dtype(k)) for k, n in sizes.items() if n}
  for row, data in zip(rows, arrays, strict=True):
    # np.asarray of a CPU array is a view of a buffer that the next donated
    # step overwrites: this is the one real copy.
    _flat(row, pieces)[...] = np.asarray(data).reshape(-1)
  return rows, pieces


def items(
  step: int, leaves: list, pieces: dict, host: Mapping[str, Any]
) -> ocp.args.Composite:
  """Return what to give to orbax for a packed state."""
  for row in leaves:
    row['crc32'] = _crc(_flat(row, pieces))
  layout = {
    'version': _VERSION,
    'step': step,
    'leaves': leaves,
    'pieces': {name: piece.size for name, piece in pieces.items()},
    'host_crc32': _json_crc(host),
    'crc32': None,
  }
  layout['crc32'] = _json_crc(layout)
  pieces = pieces or {'none_0': np.zeros(1)}  # orbax refuses an empty item
  return ocp.args.Composite(
    arrays=ocp.args.PyTreeSave(pieces),
    layout=ocp.args.JsonSave(layout),
    host=ocp.args.JsonSave(host),
  )


def read(
  orbax: ocp.CheckpointManager,
  folder: epath.Path,
  step: int,
  abstract_state: core.PyTree,
) -> Restored:
  """Read and verify one checkpoint.

  Raises:
    Damaged: anything of it is missing, unreadable or changed.
    StructureError: it is whole, but of another structure.
    UserError: a newer version wrote it.
  """
  layout, host = _head(orbax, folder, step)
  wanted = match(abstract_state, layout['leaves'], folder)
  pieces = _pieces(orbax, folder, step, layout)
  values = [_unpack(_flat(row, pieces), leaf) for row, leaf in wanted]
  treedef = jax.tree.structure(abstract_state)
  return Restored(step, jax.tree.unflatten(treedef, values), host)


def read_host(
  orbax: ocp.CheckpointManager, folder: epath.Path, step: int
) -> dict[str, Any]:
  """Return what the loop kept beside a state, without reading that.

  Raises:
    Damaged, UserError: as `read`.
  """
  return _head(orbax, folder, step)[1]


def verify(orbax: ocp.CheckpointManager, folder: epath.Path, step: int) -> None:
  """Compare every checksum of a checkpoint of any structure.

  Raises:
    Damaged, UserError: as `read`.
  """
  _pieces(orbax, folder, step, _head(orbax, folder, step)[0])


def as_json(host: Mapping[str, Any]) -> dict[str, Any]:
  """Return the mapping as JSON gives it back; UserError if it cannot."""
  try:
    return json.loads(json.dumps(dict(host)))
  except (TypeError, ValueError) as e:
    raise core.UserError(
      f'host={host!r} is not JSON ({e}); convert arrays with float() or int()'
    ) from e


def first_line(error: BaseException) -> str:
  """Return the start of an error's text; orbax and tensorstore write pages."""
  return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _head(orbax, folder: epath.Path, step: int) -> tuple[dict, dict]:
  """Return the checked layout and host items."""
  if not folder.is_dir() or not any(folder.iterdir()):
    raise Damaged('empty', f'{folder} is empty or no folder')
  layout = _item(orbax, folder, step, 'layout', ocp.args.JsonRestore())
  if _json_crc({**layout, 'crc32': None}) != layout.get('crc32'):
    raise Damaged('bad-layout', 'the checksum of item "layout" is wrong')
  core.require(
    layout.get('version') == _VERSION,
    f'{folder} has format {layout.get("version")}, this version reads '
    f'{_VERSION}; use the version of art_jax that wrote it',
  )
  if layout.get('step') != step:
    raise Damaged('wrong-step', f'it was saved as step {layout.get("step")}')
  host = _item(orbax, folder, step, 'host', ocp.args.JsonRestore())
  if _json_crc(host) != layout.get('host_crc32'):
    raise Damaged('bad-host', 'the checksum of item "host" is wrong')
  require_consistent(layout)
  return layout, host


def _pieces(orbax, folder: epath.Path, step: int, layout: dict) -> dict:
  """Return the checked flat arrays."""
  sizes, pieces = layout['pieces'], {}
  if sizes:
    like = {name: np.empty(size, _dtype(name)) for name, size in sizes.items()}
    how = ocp.checkpoint_utils.construct_restore_args(like)
    pieces = _item(
      orbax, folder, step, 'arrays', ocp.args.PyTreeRestore(like, how)
    )
  for row in layout['leaves']:
    if _crc(_flat(row, pieces)) != row.get('crc32'):
      raise Damaged(
        'bad-checksum', f'the checksum of leaf {row["path"]} is wrong'
      )
  return pieces


def _item(orbax, folder: epath.Path, step: int, name: str, args) -> dict:
  """Read one item; Damaged, or StorageError where the system refuses to."""
  try:
    value = orbax.restore(step, args=ocp.args.Composite(**{name: args}))[name]
    if not isinstance(value, dict):
      raise TypeError(f'{type(value).__name__} instead of a dict')
    return value
  except (MemoryError, PermissionError):
    raise
  except Exception as e:
    refused = isinstance(e, OSError) and e.errno not in _BAD_FILE
    if refused or any(word in str(e) for word in _PASSING):
      raise core.StorageError(
        f'{folder}: item "{name}" cannot be read now ({first_line(e)}); it is '
        'left as it is: start the same command again when it can'
      ) from e
    reason = 'bad' if (folder / name).exists() else 'missing'
    raise Damaged(
      f'{reason}-{name}', f'item "{name}" cannot be read: {first_line(e)}'
    ) from e


def _gather(leaf) -> jax.Array | np.ndarray:
  """Return all values of a leaf as an array that this process can read."""
  if is_key(leaf):
    leaf = jax.random.key_data(leaf)
  if not isinstance(leaf, jax.Array):
    return leaf
  if leaf.is_fully_replicated:
    return leaf.addressable_data(0)
  if leaf.is_fully_addressable:
    return leaf
  return multihost_utils.process_allgather(leaf, tiled=True)


def _unpack(flat: np.ndarray, leaf):
  """Return a flat array as a leaf of the same shape, dtype and weak type."""
  if is_key(leaf):
    impls = []  # only a key, or its tracer, tells its implementation

    def data(key):
      impls.append(jax.random.key_impl(key))
      return jax.random.key_data(key)

    shape = jax.eval_shape(data, leaf).shape
    return jax.random.wrap_key_data(
      jnp.asarray(flat.reshape(shape)), impl=impls[0]
    )
  value = flat.reshape(leaf.shape)
  if getattr(leaf, 'weak_type', False):
    zeros = jnp.full(leaf.shape, value.dtype.type(0).item())
    return zeros.at[...].set(value)  # the only public way to weak values
  return value


def _dtype(piece: str) -> np.dtype:
  return jnp.dtype(piece.rsplit('_', 1)[0])


def _flat(row: dict, pieces: Mapping[str, np.ndarray]) -> np.ndarray:
  """Return the part of a piece that is one leaf; empty leaves have none."""
  name, offset, size = row['stored']
  empty = np.empty(0, _dtype(name))
  return pieces[name][offset : offset + size] if size else empty


def _crc(flat: np.ndarray) -> int:
  return zlib.crc32(flat.view(np.uint8).data)


def _json_crc(value: Any) -> int:
  return zlib.crc32(json.dumps(value, sort_keys=True).encode())
