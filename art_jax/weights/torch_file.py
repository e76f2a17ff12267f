"""PyTorch's two file formats, without PyTorch and without running code.

Since 1.6 a file is a zip archive: `NAME/data.pkl` describes the tensors and
`NAME/data/KEY` holds the numbers. Before, it was a stream: five pickles (a
magic number, a version, facts about the machine, the description, the keys),
then the numbers of each key, led by their count.
"""

import collections
import functools
import io
import math
import os
import zipfile
from typing import Any

import numpy as np

from art_jax import core
from art_jax.weights import pickled
from art_jax.weights.pickled import Refused, Tensor

_MAGIC = 0x1950A86A20F9469CFC6C
_MAX_PICKLE = 64 * 2**20


def read(path: str, max_bytes: int, max_tensors: int) -> dict[str, np.ndarray]:
  """Return the tensors of a .pth or .pt file by name.

  Raises:
    Refused: if it holds anything but tensors and plain values.
  """
  if zipfile.is_zipfile(path):
    with zipfile.ZipFile(path) as archive:
      return _read_zip(archive, max_bytes, max_tensors)
  with open(path, 'rb') as file:
    return _read_stream(file, os.path.getsize(path), max_bytes, max_tensors)


def _flatten(tree: Any, most: int) -> dict[str, Tensor]:
  """Return the tensors by name, 'outer.inner'; all else is left out.

  Args:
    tree: what `pickled.load` gives.
    most: limit of the entries that are visited.

  Raises:
    Refused: if there are more, or no tensors.
  """
  core.require(
    isinstance(tree, dict),
    'it holds no dict of tensors; save model.state_dict()',
    Refused,
  )
  tensors: dict[str, Tensor] = {}
  queue, seen = collections.deque([('', tree)]), 0
  while queue:
    prefix, node = queue.popleft()
    for key, value in node.items():
      seen += 1
      core.require(seen <= most, f'it holds more than {most} entries', Refused)
      core.require(
        len(prefix) + len(str(key)) <= 1000,
        'it holds names of more than 1000 letters',
        Refused,
      )
      if isinstance(value, Tensor):
        tensors[f'{prefix}{key}'] = value
      elif isinstance(value, dict):
        queue.append((f'{prefix}{key}.', value))
  core.require(tensors, 'it holds no tensors; save model.state_dict()', Refused)
  return tensors


def _described(tree, max_bytes, max_tensors) -> dict[str, Tensor]:
  """Return the tensors of a description, if reading them is bounded."""
  tensors = _flatten(tree, most=20 * max_tensors)
  core.require(
    len(tensors) <= max_tensors,
    f'it holds {len(tensors)} tensors: more than {max_tensors}',
    Refused,
  )
  size = sum(math.prod(t.shape) * t.dtype.itemsize for t in tensors.values())
  core.require(
    size <= max_bytes,
    f'its tensors have {size} bytes: more than {max_bytes}',
    Refused,
  )
  return tensors


def _read_zip(archive, max_bytes, max_tensors):
  entries = {entry.filename: entry for entry in archive.infolist()}
  size = sum(entry.file_size for entry in entries.values())
  core.require(
    size <= max_bytes,
    f'it unpacks to {size} bytes: more than {max_bytes}',
    Refused,
  )
  names = [n for n in entries if n.endswith('/data.pkl') and n.count('/') == 1]
  core.require(
    len(names) == 1,
    'it is a zip archive, but not one of PyTorch (no data.pkl)',
    Refused,
  )
  root = names[0].removesuffix('data.pkl')
  core.require(
    f'{root}constants.pkl' not in entries,
    'it is a TorchScript program: only tensors are read; save '
    'model.state_dict()',
    Refused,
  )
  core.require(
    entries[names[0]].file_size <= _MAX_PICKLE,
    f'its data.pkl has more than {_MAX_PICKLE} bytes',
    Refused,
  )
  text = archive.read(names[0])
  tree, _ = pickled.load(io.BytesIO(text), len(text))
  tensors = _described(tree, max_bytes, max_tensors)
  stated = f'{root}byteorder' in entries
  big = stated and archive.read(f'{root}byteorder')[:3] == b'big'
  order = '>' if big else '<'

  @functools.cache
  def block(key: str) -> bytes:
    name = f'{root}data/{key}'
    core.require(name in entries, f"its block '{key[:40]}' is missing", Refused)
    return archive.read(name)

  return {
    n: _view(n, t, block(t.storage.key), order) for n, t in tensors.items()
  }


def _read_stream(file, size, max_bytes, max_tensors):
  core.require(
    file.read(1) == b'\x80',
    'it is no PyTorch file (or one older than PyTorch 0.4)',
    Refused,
  )
  file.seek(0)
  magic, version, machine = (pickled.load(file, size)[0] for _ in range(3))
  core.require(
    magic == _MAGIC and version == 1001,
    'it is no PyTorch file of a known version',
    Refused,
  )
  little = not isinstance(machine, dict) or machine.get('little_endian', True)
  tree, storages = pickled.load(file, size)
  tensors = _described(tree, max_bytes, max_tensors)
  keys, _ = pickled.load(file, size)
  core.require(
    isinstance(keys, list) and all(type(key) is str for key in keys),
    'it has no list of its blocks',
    Refused,
  )
  core.require(
    storages.keys() >= set(keys),
    'it has blocks that nothing describes',
    Refused,
  )
  wanted, blocks = {t.storage.key for t in tensors.values()}, {}
  for key in keys:
    count = int.from_bytes(file.read(8), 'little' if little else 'big')
    dtype = storages[key].dtype or np.dtype('u1')
    core.require(
      0 <= count * dtype.itemsize <= size - file.tell(),
      f"its block '{key[:40]}' goes beyond the end of the file",
      Refused,
    )
    if key in wanted:
      blocks[key] = file.read(count * dtype.itemsize)
    else:
      file.seek(count * dtype.itemsize, os.SEEK_CUR)
  order = '<' if little else '>'
  missing = sorted(wanted - blocks.keys())
  if missing:
    raise Refused(f"its block '{missing[0][:40]}' is missing")
  return {
    name: _view(name, tensor, blocks[tensor.storage.key], order)
    for name, tensor in tensors.items()
  }


def _view(name: str, tensor: Tensor, block: bytes, order: str) -> np.ndarray:
  """Copy a strided view out of a block, if it lies inside."""
  dtype = tensor.dtype
  values = np.frombuffer(block, np.uint8)
  core.require(
    len(values) % dtype.itemsize == 0,
    f"the block of '{name}' has no whole number of values",
    Refused,
  )
  if order == '>':
    values = values.reshape(-1, dtype.itemsize)[:, ::-1].flatten()
  values = values.view(dtype)
  if math.prod(tensor.shape) == 0:
    return np.zeros(tensor.shape, dtype)
  sides = list(zip(tensor.shape, tensor.strides, strict=True))
  last = tensor.start + sum((side - 1) * stride for side, stride in sides)
  core.require(
    last < len(values), f"tensor '{name}' reaches beyond its block", Refused
  )
  strides = [stride * dtype.itemsize * (side > 1) for side, stride in sides]
  view = np.lib.stride_tricks.as_strided(
    values[tensor.start :], tensor.shape, strides, writeable=False
  )
  return np.array(view, order='C')
