"""Read the weights of an ONNX file; its graph is neither run nor understood.

An ONNX file is a protocol buffer: a sequence of (number, wire type, value).
Only what leads to weights is looked at: ModelProto.graph (7) ->
GraphProto.initializer (5) -> TensorProto. Nothing is recursive, and every
length is checked against what is there, so that a damaged file is an error.
"""

import math
from collections.abc import Iterator

import ml_dtypes
import numpy as np

from art_jax.weights.files import WeightsError

_GRAPH, _INITIALIZER = 7, 5
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Of TensorProto.DataType; what weights are made of.
_TYPES = {
  1: np.dtype('<f4'),
  2: np.dtype('u1'),
  3: np.dtype('i1'),
  6: np.dtype('<i4'),
  7: np.dtype('<i8'),
  9: np.dtype('?'),
  10: np.dtype('<f2'),
  11: np.dtype('<f8'),
  16: np.dtype(ml_dtypes.bfloat16),
}
_DIMS, _TYPE, _FLOATS, _LONGS, _NAME, _RAW = 1, 2, 4, 7, 8, 9
_DOUBLES, _LOCATION = 10, 14


def read(path: str, max_bytes: int, max_tensors: int) -> dict[str, np.ndarray]:
  """Return the initializers by name; see `files.read`.

  Raises:
    WeightsError: it is damaged, or its weights lie in other files.
  """
  del max_bytes  # the file is not compressed
  with open(path, 'rb') as file:
    data = memoryview(file.read())
  tensors: dict[str, np.ndarray] = {}
  for number, graph in _fields(data):
    if number != _GRAPH or not isinstance(graph, memoryview):
      continue
    for inner, tensor in _fields(graph):
      if inner != _INITIALIZER or not isinstance(tensor, memoryview):
        continue
      name, value = _tensor(tensor)
      tensors[name] = value
      if len(tensors) > max_tensors:
        raise WeightsError(f"'{path}' holds more than {max_tensors} tensors")
  if not tensors:
    raise WeightsError(f"'{path}' holds no weights of an ONNX model")
  return tensors


def _tensor(data: memoryview) -> tuple[str, np.ndarray]:
  dims, kind, name, raw = [], 0, '', None
  packed = {_FLOATS: [], _LONGS: [], _DOUBLES: []}
  for number, value in _fields(data):
    if number == _DIMS:
      dims += [value] if isinstance(value, int) else list(_varints(value))
    elif number == _TYPE and isinstance(value, int):
      kind = value
    elif number == _NAME and isinstance(value, memoryview):
      name = bytes(value).decode('utf-8', 'replace')
    elif number == _RAW and isinstance(value, memoryview):
      raw = value
    elif number in packed and isinstance(value, memoryview):
      packed[number].append(value)
    elif number == _LOCATION and value:
      raise WeightsError(
        f"tensor '{name}' lies in another file; save the model as one file"
      )
  if kind not in _TYPES:
    raise WeightsError(f"tensor '{name}' has the ONNX type {kind}: not known")
  if raw is not None:
    value = _from_bytes(name, raw, _TYPES[kind])
  elif packed[_LONGS]:
    every = [x for part in packed[_LONGS] for x in _varints(part)]
    value = np.array(every, np.uint64).astype(np.int64)
  else:
    parts = packed[_DOUBLES if kind == 11 else _FLOATS]
    joined = memoryview(b''.join(parts))
    value = _from_bytes(name, joined, np.dtype('<f8' if kind == 11 else '<f4'))
  if math.prod(dims) != value.size:
    raise WeightsError(
      f"tensor '{name}' has the shape {dims} and {value.size} values"
    )
  return name, value.reshape(dims)


def _from_bytes(name: str, data: memoryview, dtype: np.dtype) -> np.ndarray:
  if len(data) % dtype.itemsize:
    raise WeightsError(f"tensor '{name}' has {len(data)} bytes of {dtype}")
  return np.frombuffer(data, dtype)


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
  """Yield (number, value) of a message: an int, or the bytes of a field."""
  at = 0
  while at < len(data):
    key, at = _varint(data, at)
    wire = key & 7
    if wire == _VARINT:
      value, at = _varint(data, at)
    elif wire in (_FIXED64, _FIXED32, _BYTES):
      size = {_FIXED64: 8, _FIXED32: 4}.get(wire)
      if size is None:
        size, at = _varint(data, at)
      if size > len(data) - at:
        raise WeightsError('it is cut off, or no ONNX file')
      value, at = data[at : at + size], at + size
    else:
      raise WeightsError(f'it is no ONNX file (wire type {wire})')
    yield key >> 3, value


def _varints(data: memoryview) -> Iterator[int]:
  at = 0
  while at < len(data):
    value, at = _varint(data, at)
    yield value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
  """Return a number of at most 64 bits and where it ends."""
  value = 0
  for shift in range(0, 70, 7):
    if at >= len(data):
      break
    byte, at = data[at], at + 1
    value |= (byte & 127) << shift
    if byte < 128:
      return value & (2**64 - 1), at
  raise WeightsError('it is cut off, or no ONNX file')
