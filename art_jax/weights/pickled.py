"""Pickled descriptions of PyTorch tensors, read as data: no code is run.

A pickle is a program for a small machine. This one knows only the instructions
that build plain values, and instead of calling what the pickle names, it calls
stand-ins for the dozen names that a `state_dict` consists of. Any other name
or instruction ends the reading. Attributes are never set.
"""

import io
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from art_jax import core

_DTYPES = {
  'Float': 'f4',
  'Double': 'f8',
  'Half': 'f2',
  'BFloat16': ml_dtypes.bfloat16,
  'Bool': '?',
  'Byte': 'u1',
  'Char': 'i1',
  'Short': 'i2',
  'Int': 'i4',
  'Long': 'i8',
}
_TORCH_DTYPES = {
  'float32': 'f4',
  'float64': 'f8',
  'float16': 'f2',
  'bfloat16': ml_dtypes.bfloat16,
  'bool': '?',
} | {f'{u}int{n}': f'{u}int{n}' for u in ('', 'u') for n in (8, 16, 32, 64)}
# What plain values are made of; no OBJ, INST, NEWOBJ, EXT (they make objects).
_INSTRUCTIONS = """
  PROTO FRAME STOP MARK POP POP_MARK NONE NEWTRUE NEWFALSE
  BININT BININT1 BININT2 LONG1 LONG4 BINFLOAT
  BINSTRING SHORT_BINSTRING BINUNICODE SHORT_BINUNICODE BINUNICODE8
  BINBYTES SHORT_BINBYTES BINBYTES8
  EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3
  EMPTY_LIST APPEND APPENDS EMPTY_DICT
  BINGET LONG_BINGET BINPUT LONG_BINPUT MEMOIZE
  GLOBAL STACK_GLOBAL BINPERSID
""".split()


class Refused(core.UserError):
  """The pickle holds something other than tensors and plain values."""


class Storage(NamedTuple):
  """A block of numbers in the file.

  Attributes:
    key: its name in the file.
    dtype: of one number; None in files where the tensor tells it.
    count: of numbers (of bytes, where dtype is None).
    start: where a view of an old file begins, in numbers.
  """

  key: str
  dtype: np.dtype | None
  count: int
  start: int = 0


class Tensor(NamedTuple):
  """A tensor that is not read yet: a strided view of a storage."""

  storage: Storage
  dtype: np.dtype
  start: int
  shape: tuple[int, ...]
  strides: tuple[int, ...]


class _Name:
  """An inert stand-in for what a pickle names; only REDUCE may call it."""

  __slots__ = ('make', 'text')

  def __init__(self, text: str, make: Callable | Any):
    self.text, self.make = text, make


def _sizes(values) -> tuple[int, ...]:
  values = tuple(values)
  core.require(
    all(type(value) is int and 0 <= value < 2**62 for value in values),
    'a size that is no number',
    Refused,
  )
  return values


def _tensor(storage, start, shape, strides, *unused) -> Tensor:
  """Stand in for torch._utils._rebuild_tensor_v2."""
  core.require(
    isinstance(storage, Storage) and storage.dtype is not None,
    'a tensor without a storage',
    Refused,
  )
  return _typed_tensor(storage, start, shape, strides, storage.dtype)


def _typed_tensor(storage, start, shape, strides, dtype) -> Tensor:
  (start,), shape, strides = _sizes([start]), _sizes(shape), _sizes(strides)
  core.require(
    len(shape) == len(strides) and len(shape) <= 32,
    'a tensor with other strides than sides',
    Refused,
  )
  start += storage.start
  return Tensor(storage, np.dtype(dtype), start, shape, strides)


def _tensor_v3(storage, start, shape, strides, grad, hooks, dtype, *unused):
  """Stand in for torch._utils._rebuild_tensor_v3: the dtype is told."""
  kind = getattr(dtype, 'make', None)
  core.require(
    isinstance(storage, Storage) and isinstance(kind, np.dtype),
    'a tensor without a storage',
    Refused,
  )
  return _typed_tensor(storage, start, shape, strides, kind)


def _put(target, pairs) -> dict:
  """Fill a dict; only plain keys: a nested tuple can take ages to hash."""
  core.require(
    type(target) is dict, 'an entry of something that is no dict', Refused
  )
  for key, value in pairs:
    core.require(type(key) in (str, int), 'a key that is no text', Refused)
    target[key] = value
  return target


def _ordered(items=()) -> dict:
  return _put({}, items)


def _parameter(data, *unused) -> Tensor:
  core.require(
    isinstance(data, Tensor), 'a parameter without a tensor', Refused
  )
  return data


_KNOWN = {
  'collections.OrderedDict': _ordered,
  'torch._utils._rebuild_tensor': _tensor,
  'torch._utils._rebuild_tensor_v2': _tensor,
  'torch._utils._rebuild_tensor_v3': _tensor_v3,
  'torch._utils._rebuild_parameter': _parameter,
  'torch.Size': _sizes,
  **{f'torch.{name}Storage': np.dtype(t) for name, t in _DTYPES.items()},
  'torch.storage.UntypedStorage': None,
  **{f'torch.{name}': np.dtype(t) for name, t in _TORCH_DTYPES.items()},
}


class _Reader(pickle._Unpickler):
  """The standard library's machine in Python, without most of its parts.

  The one in C allocates whatever an index in the file says.
  """

  # Of the machine, which has no type stubs.
  stack: list[Any]
  append: Callable[[Any], None]
  pop_mark: Callable[[], list[Any]]

  dispatch: dict[int, Any] = {
    code: pickle._Unpickler.dispatch[code]
    for code in (getattr(pickle, name)[0] for name in _INSTRUCTIONS)
  }

  def __init__(self, file):
    super().__init__(file, encoding='utf-8')
    self.storages: dict[str, Storage] = {}

  def find_class(self, module: str, name: str) -> _Name:
    text = f'{module}.{name}'
    core.require(text in _KNOWN, f"the name '{text[:120]}'", Refused)
    return _Name(text, _KNOWN[text])

  def persistent_load(self, pid) -> Storage:
    kind, dtype, key, _, count, *view = pid
    core.require(
      kind == 'storage' and isinstance(dtype, _Name),
      'something stored that is no block of numbers',
      Refused,
    )
    core.require(type(key) in (str, int), 'a block without a name', Refused)
    if dtype.make is not None and not isinstance(dtype.make, np.dtype):
      raise Refused(f"a storage of '{dtype.text}'")
    start = 0
    if view and view[0] is not None:  # (key, start, count) of an old file
      _, start, _ = view[0]
    count, start = _sizes([count, start])
    storage = Storage(str(key), dtype.make, count, start)
    self.storages.setdefault(storage.key, storage)
    return storage

  def _reduce(self):
    arguments = self.stack.pop()
    function = self.stack.pop()
    core.require(
      isinstance(function, _Name) and callable(function.make),
      'a call of something that is no tensor',
      Refused,
    )
    core.require(
      type(arguments) is tuple, f"a call of '{function.text}'", Refused
    )
    self.append(function.make(*arguments))

  def _build(self):
    self.stack.pop()  # `_metadata` of a state_dict: nobody needs it

  def _set_item(self):
    value, key = self.stack.pop(), self.stack.pop()
    _put(self.stack[-1], [(key, value)])

  def _set_items(self):
    items = self.pop_mark()
    _put(self.stack[-1], zip(items[::2], items[1::2], strict=True))

  dispatch[pickle.SETITEM[0]] = _set_item
  dispatch[pickle.SETITEMS[0]] = _set_items
  dispatch[pickle.REDUCE[0]] = _reduce
  dispatch[pickle.BUILD[0]] = _build


class _Bounded:
  """A file that never allocates more than it has left."""

  def __init__(self, file, size: int):
    self._file, self._size = file, size
    self.readline = file.readline

  def read(self, count: int) -> bytes:
    core.require(
      0 <= count <= self._size - self._file.tell(),
      'a length beyond the end of the file',
      Refused,
    )
    return self._file.read(count)


def load(file: io.BufferedIOBase, size: int) -> tuple[Any, dict[str, Storage]]:
  """Return the next value of a pickle, with `Tensor` for tensors.

  Args:
    file: it is left behind the value.
    size: of the file in bytes.

  Returns:
    The value, and all storages that it names, by key.

  Raises:
    Refused: if it holds or does anything else; the message names it.
  """
  reader = _Reader(_Bounded(file, size))
  try:
    return reader.load(), reader.storages
  except Refused as error:
    raise Refused(
      f'it holds {error}: only tensors are read, no code is run; in PyTorch '
      'save model.state_dict() alone'
    ) from None
  except KeyError as error:
    code = error.args[0]
    code = bytes([code]) if type(code) is int and 0 <= code < 256 else code
    raise Refused(
      f'its pickle holds the instruction {code!r}: only tensors are read, no '
      'code is run; in PyTorch save model.state_dict() alone'
    ) from None
