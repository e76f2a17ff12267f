"""PyTorch's two file formats, without PyTorch and without running code.

Since 1.6 a file is a zip archive: `NAME/data.pkl` describes the tensors and
`NAME/data/KEY` holds the numbers. Before, it was a stream: five pickles (a
magic number, a version, facts about the machine, the description, the keys),
then the numbers of each key, led by their count.
"""

import io
import math
import os
import zipfile

import numpy as np

from art_jax.weights import pickled
from art_jax.weights.pickled import Refused, Storage, Tensor

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


def _described(tree, max_bytes, max_tensors) -> dict[str, Tensor]:
  """Return the tensors of a description, if reading them is bounded."""
  tensors = pickled.flatten(tree, most=20 * max_tensors)
  if len(tensors) > max_tensors:
    raise Refused(f'it holds {len(tensors)} tensors: more than {max_tensors}')
  size = sum(math.prod(t.shape) * t.dtype.itemsize for t in tensors.values())
  if size > max_bytes:
    raise Refused(f'its tensors have {size} bytes: more than {max_bytes}')
  return tensors


def _read_zip(archive, max_bytes, max_tensors):
  entries = {entry.filename: entry for entry in archive.infolist()}
  size = sum(entry.file_size for entry in entries.values())
  if size > max_bytes:
    raise Refused(f'it unpacks to {size} bytes: more than {max_bytes}')
  names = [n for n in entries if n.endswith('/data.pkl') and n.count('/') == 1]
  if len(names) != 1:
    raise Refused('it is a zip archive, but not one of PyTorch (no data.pkl)')
  root = names[0].removesuffix('data.pkl')
  if f'{root}constants.pkl' in entries:
    raise Refused(
      'it is a TorchScript program: only tensors are read; save '
      'model.state_dict()'
    )
  if entries[names[0]].file_size > _MAX_PICKLE:
    raise Refused(f'its data.pkl has more than {_MAX_PICKLE} bytes')
  text = archive.read(names[0])
  tree, _ = pickled.load(io.BytesIO(text), len(text))
  tensors = _described(tree, max_bytes, max_tensors)
  order = '<'
  if f'{root}byteorder' in entries:
    big = archive.read(f'{root}byteorder')[:3] == b'big'
    order = '>' if big else '<'
  blocks: dict[str, bytes] = {}

  def block(storage: Storage) -> bytes:
    if storage.key not in blocks:
      name = f'{root}data/{storage.key}'
      if name not in entries:
        raise Refused(f"its block '{storage.key[:40]}' is missing")
      blocks[storage.key] = archive.read(name)
    return blocks[storage.key]

  return {n: _view(n, t, block(t.storage), order) for n, t in tensors.items()}


def _read_stream(file, size, max_bytes, max_tensors):
  if file.read(1) != b'\x80':
    raise Refused('it is no PyTorch file (or one older than PyTorch 0.4)')
  file.seek(0)
  magic, version, machine = (pickled.load(file, size)[0] for _ in range(3))
  if magic != _MAGIC or version != 1001:
    raise Refused('it is no PyTorch file of a known version')
  little = not isinstance(machine, dict) or machine.get('little_endian', True)
  tree, storages = pickled.load(file, size)
  tensors = _described(tree, max_bytes, max_tensors)
  keys, _ = pickled.load(file, size)
  if not isinstance(keys, list) or not all(type(key) is str for key in keys):
    raise Refused('it has no list of its blocks')
  if set(keys) - storages.keys():
    raise Refused('it has blocks that nothing describes')
  wanted, blocks = {t.storage.key for t in tensors.values()}, {}
  for key in keys:
    count = int.from_bytes(file.read(8), 'little' if little else 'big')
    dtype = storages[key].dtype or np.dtype('u1')
    if not 0 <= count * dtype.itemsize <= size - file.tell():
      raise Refused(f"its block '{key[:40]}' goes beyond the end of the file")
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
  if len(values) % dtype.itemsize:
    raise Refused(f"the block of '{name}' has no whole number of values")
  if order == '>':
    values = values.reshape(-1, dtype.itemsize)[:, ::-1].reshape(-1)
    values = np.ascontiguousarray(values)
  values = values.view(dtype)
  if math.prod(tensor.shape) == 0:
    return np.zeros(tensor.shape, dtype)
  sides = list(zip(tensor.shape, tensor.strides, strict=True))
  last = tensor.start + sum((side - 1) * stride for side, stride in sides)
  if last >= len(values):
    raise Refused(f"tensor '{name}' reaches beyond its block")
  strides = [stride * dtype.itemsize * (side > 1) for side, stride in sides]
  view = np.lib.stride_tricks.as_strided(
    values[tensor.start :], tensor.shape, strides, writeable=False
  )
  return np.array(view, order='C')
