"""TFRecord files of tf.train.Example, read without TensorFlow.

A record is a length (u64), its checksum, the data and their checksum
(tensorflow/core/lib/io/record_writer.h); an Example is a protocol buffer that
maps names to lists of bytes, floats or integers (example.proto).
"""

import gzip
import struct
from collections.abc import Iterator
from typing import Any

from art_jax import core
from art_jax.core.paths import printable
from art_jax.data import crc32c, decode, passing, records
from art_jax.data.records import Damage, Record

_HEADER = struct.Struct('<QI')
_CHECKSUM = struct.Struct('<I')
_MAX_TEXT = 200  # bytes; longer ones are no names


def read(path: str) -> Iterator[Record | Damage]:
  """Yield the records of one file.

  Raises:
    core.UserError: its first record has no picture; it names the features.
  """
  columns: tuple[str, ...] = ()
  for number, data in enumerate(frames(path)):
    if isinstance(data, Damage):
      yield data
      continue
    try:
      features = example(data)
    except (ValueError, IndexError):
      yield Damage(f'record {number} is no tf.train.Example')
      continue
    pictures = {k: v for k, v in features.items() if isinstance(v, bytes)}
    columns = columns or _picture_columns(path, features, pictures)
    if not all(column in pictures for column in columns):
      yield Damage(f'record {number} has no {" and ".join(columns)}')
      continue
    texts = {key: _text(value) for key, value in features.items()}
    yield Record(
      {column: pictures[column] for column in columns},
      records.label_of(texts),
      records.name_of(texts),
    )


def frames(path: str) -> Iterator[bytes | Damage]:
  """Yield the data of each record whose checksums are right."""
  try:
    with _opened(path) as file:
      yield from _frames(file)
  except (OSError, EOFError) as error:  # also of gzip
    passing.refuse(path, error)
    yield Damage(f'it cannot be read on ({error})', None)


def _frames(file: Any) -> Iterator[bytes | Damage]:
  number = 0
  while header := file.read(_HEADER.size):
    if len(header) < _HEADER.size:
      yield Damage(f'it ends within record {number}', None)
      return
    length, checksum = _HEADER.unpack(header)
    if crc32c.masked(header[:8]) != checksum or length > decode.MAX_BYTES:
      yield Damage(f'the length of record {number} is damaged', None)
      return
    data, end = file.read(length), file.read(_CHECKSUM.size)
    if len(data) < length or len(end) < _CHECKSUM.size:
      yield Damage(f'it ends within record {number}', None)
      return
    if crc32c.masked(data) != _CHECKSUM.unpack(end)[0]:
      yield Damage(f'record {number} does not have its checksum')
    else:
      yield data
    number += 1


def example(data: bytes) -> dict[str, bytes | int | float | list]:
  """Return the features of an Example; a list of one value as the value.

  Raises:
    ValueError, IndexError: it is none.
  """
  features = {}
  for number, value in _fields(data):
    if number != 1:
      continue
    for _, entry in _fields(value):
      parts = dict(_fields(entry))
      features[bytes(parts[1]).decode()] = _values(parts.get(2, b''))
  return features


def _values(feature: bytes) -> Any:
  values = []
  for kind, items in _fields(feature):
    for _, value in _fields(items):
      if kind == 1:
        values.append(value)
      elif kind == 2:
        count = len(value) // 4
        values += struct.unpack(f'<{count}f', value[: 4 * count])
      elif isinstance(value, int):
        values.append(_signed(value))
      else:
        at = 0
        while at < len(value):
          number, at = _varint(value, at)
          values.append(_signed(number))
  return values[0] if len(values) == 1 else values


def _fields(data: Any) -> Iterator[tuple[int, Any]]:
  """Yield (number, value) of a message: bytes, or an int of a varint."""
  if isinstance(data, int):
    raise ValueError('no message')
  at = 0
  while at < len(data):
    tag, at = _varint(data, at)
    number, wire = tag >> 3, tag & 7
    if wire == 0:
      value, at = _varint(data, at)
    elif wire in (1, 5):
      size = 8 if wire == 1 else 4
      value, at = data[at : at + size], at + size
    elif wire == 2:
      size, at = _varint(data, at)
      value, at = data[at : at + size], at + size
    else:
      raise ValueError(f'wire type {wire}')
    if at > len(data):
      raise ValueError('it ends too early')
    yield number, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
  value = shift = 0
  while True:
    byte = data[at]
    value |= (byte & 127) << shift
    at, shift = at + 1, shift + 7
    if byte < 128:
      return value, at
    if shift > 63:
      raise ValueError('a number is too long')


def _signed(value: int) -> int:
  return value - 2**64 if value >= 2**63 else value


def _text(value: Any) -> Any:
  """Return short bytes as text, other values as they are."""
  if not isinstance(value, bytes):
    return value
  return value.decode('utf-8', 'replace') if len(value) <= _MAX_TEXT else None


def _picture_columns(path, features, pictures) -> tuple[str, ...]:
  columns = records.picture_columns(
    key for key, value in pictures.items() if records.is_picture(value)
  )
  known = ', '.join(
    f'{printable(key)} ({_kind(value)})' for key, value in features.items()
  )
  core.require(
    columns,
    f'{printable(path)!r} has no picture: its features are {known or "none"}; '
    'one must hold a file such as PNG or JPEG, not bare pixels',
  )
  return columns


def _kind(value: Any) -> str:
  if isinstance(value, bytes):
    return f'{len(value)} bytes'
  if isinstance(value, list):
    return f'{len(value)} values'
  return type(value).__name__


def _opened(path: str) -> Any:
  file = open(path, 'rb')
  packed = file.read(2) == b'\x1f\x8b'
  # The length of a record could begin so, but its checksum tells.
  if packed and not path.lower().endswith('.gz'):
    file.seek(0)
    head = file.read(_HEADER.size)
    whole = len(head) == _HEADER.size
    if whole and crc32c.masked(head[:8]) == _HEADER.unpack(head)[1]:
      packed = False
  file.seek(0)
  return gzip.GzipFile(fileobj=file) if packed else file
