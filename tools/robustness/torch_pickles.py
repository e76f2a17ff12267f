"""Write PyTorch's file formats without PyTorch, honest and hostile ones.

For tests and tools/robustness/fuzz.py: a pickle is written instruction by
instruction, so it may say what torch.save never would.
"""

import io
import struct
import zipfile
from collections.abc import Iterable, Mapping

import numpy as np

MAGIC = b'\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.'
_STORAGES = {'f4': 'Float', 'f8': 'Double', 'f2': 'Half', 'i8': 'Long'}


def text(value: str) -> bytes:
  """Return the instruction that pushes a text."""
  data = value.encode()
  return b'X' + struct.pack('<I', len(data)) + data


def number(value: int) -> bytes:
  """Return the instruction that pushes an int below 2**62."""
  return b'\x8a\x08' + struct.pack('<q', value)


def name(module: str, attribute: str) -> bytes:
  """Return the instruction that pushes what the names stand for."""
  return f'c{module}\n{attribute}\n'.encode()


def call(function: bytes, *arguments: bytes) -> bytes:
  """Return the instructions of a call."""
  return function + _tuple(arguments) + b'R'


def tensor(
  key: str,
  count: int,
  shape: tuple[int, ...],
  strides: tuple[int, ...],
  start: int = 0,
  storage: str = 'Float',
  legacy: bool = False,
) -> bytes:
  """Return the instructions that describe a tensor."""
  block = [
    text('storage'),
    name('torch', f'{storage}Storage'),
    text(key),
    text('cpu'),
    number(count),
    b'N' * legacy,
  ]
  return call(
    name('torch._utils', '_rebuild_tensor_v2'),
    _tuple(block) + b'Q',
    number(start),
    _tuple(map(number, shape)),
    _tuple(map(number, strides)),
    b'\x89',
    call(name('collections', 'OrderedDict')),
  )


def _tuple(parts: Iterable[bytes]) -> bytes:
  return b'(' + b''.join(parts) + b't'


def mapping(entries: Mapping[str, bytes]) -> bytes:
  """Return the instructions that build a dict."""
  return b'}(' + b''.join(text(k) + v for k, v in entries.items()) + b'u'


def archive(value: bytes, blocks: Mapping[str, bytes]) -> bytes:
  """Return a file of PyTorch >= 1.6 whose pickle builds `value`."""
  out = io.BytesIO()
  with zipfile.ZipFile(out, 'w') as file:
    for key, data in {
      'data.pkl': b'\x80\x02' + value + b'.',
      'byteorder': b'little',
      **{f'data/{key}': data for key, data in blocks.items()},
      'version': b'3\n',
    }.items():
      file.writestr(f'x/{key}', data)
  return out.getvalue()


def stream(value: bytes, blocks: Mapping[str, tuple[int, bytes]]) -> bytes:
  """Return a file of PyTorch < 1.6; a block is (count, data)."""
  parts = (
    b'M\xe9\x03',
    mapping({'little_endian': b'\x88'}),
    value,
    (b'](' + b''.join(map(text, blocks)) + b'e'),
  )
  pickles = [b'\x80\x02' + part + b'.' for part in parts]
  data = [struct.pack('<q', n) + block for n, block in blocks.values()]
  return MAGIC + b''.join(pickles + data)


def state_dict(arrays: Mapping[str, np.ndarray], legacy: bool = False) -> bytes:
  """Return a file with these arrays, one block each."""
  entries, blocks = {}, {}
  for i, (key, value) in enumerate(arrays.items()):
    value = np.asarray(value, order='C')
    entries[key] = tensor(
      f'{i}',
      value.size,
      value.shape,
      tuple(s // value.itemsize for s in value.strides),
      storage=_STORAGES[value.dtype.str[1:]],
      legacy=legacy,
    )
    blocks[f'{i}'] = (value.size, value.tobytes())
  if legacy:
    return stream(mapping(entries), blocks)
  return archive(mapping(entries), {k: data for k, (_, data) in blocks.items()})
