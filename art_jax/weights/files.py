"""Read files of named tensors into NumPy, without running code from them."""

import importlib
import os
import zipfile
from collections.abc import Callable

import numpy as np
import safetensors

from art_jax import core
from art_jax.weights import torch_file

MAX_BYTES = 4 * 2**30
MAX_TENSORS = 20_000


class WeightsError(core.UserError):
  """A weights file that cannot be used; the message names file and tensor."""


def read(
  path: str | os.PathLike,
  max_bytes: int = MAX_BYTES,
  max_tensors: int = MAX_TENSORS,
) -> dict[str, np.ndarray]:
  """Return {name: array} of a file of weights.

  Safetensors; .npz; PyTorch's files, both the zip archives of 1.6 and later
  and the streams before, without PyTorch; HDF5 of Keras; the initializers of
  ONNX (with the extra art_jax[onnx]). The content tells the format, whatever
  the suffix (.pth.tar, .ckpt, .bin, .model, none).
  Where there is a 'state_dict', its tensors are all that is returned; other
  dicts give 'outer.inner'.
  Names and layouts are the file's own. float16, bfloat16 and float64 become
  float32; integers stay as they are.

  Args:
    path: the file.
    max_bytes: refuse larger files (and larger contents, once unpacked).
    max_tensors: refuse files with more tensors.

  Raises:
    WeightsError: if the file is missing, too large, damaged, of another format
      or holds anything but tensors, such as code.
  """
  tensors = read_all(path, max_bytes, max_tensors)
  root = 'state_dict.'
  inner = {n: value for n, value in tensors.items() if n.startswith(root)}
  return {n.removeprefix(root): value for n, value in inner.items()} or tensors


def read_all(
  path: str | os.PathLike,
  max_bytes: int = MAX_BYTES,
  max_tensors: int = MAX_TENSORS,
) -> dict[str, np.ndarray]:
  """Return what `read` does, with what lies beside a 'state_dict'."""
  path = os.fspath(path)
  core.require(
    os.path.isfile(path), f"weights file '{path}' does not exist", WeightsError
  )
  size = os.path.getsize(path)
  core.require(
    size <= max_bytes,
    f"'{path}' has {size} bytes: more than {max_bytes}",
    WeightsError,
  )
  try:
    tensors = _reader(path, size)(path, max_bytes, max_tensors)
  except WeightsError:
    raise
  except Exception as e:  # the libraries raise many kinds of errors
    raise WeightsError(f"cannot read '{path}': {e}") from e
  return {n: _to_float32(path, n, value) for n, value in tensors.items()}


def _reader(path: str, size: int) -> Callable[..., dict[str, np.ndarray]]:
  """Return the reader of a format: by content, else by suffix.

  Raises:
    WeightsError: neither is known.
  """
  with open(path, 'rb') as file:
    head = file.read(16)
  length = int.from_bytes(head[:8], 'little')
  if head[8:9] == b'{' and length <= size - 8:
    return _read_safetensors
  if head.startswith(b'\x89HDF\r\n\x1a\n'):
    return _read_by('keras_file')
  if head.startswith(b'\x80'):  # a pickle
    return torch_file.read
  if zipfile.is_zipfile(path):
    with zipfile.ZipFile(path) as archive:
      arrays = all(name.endswith('.npy') for name in archive.namelist())
    return _read_npz if arrays else torch_file.read
  suffix = os.path.splitext(path)[1].lower()
  if suffix == '.onnx' or (suffix not in _READERS and head[:1] == b'\x08'):
    return _read_by('onnx_file')  # begins with the number of its version
  core.require(
    suffix in _READERS,
    f"'{path}' begins with {head!r}: that is no file of weights; known are "
    'safetensors, .npz, PyTorch, HDF5 of Keras and ONNX, under any suffix',
    WeightsError,
  )
  return _READERS[suffix]


def checked(
  name: str, value: np.ndarray, shape: tuple[int, ...], note: str = ''
) -> np.ndarray:
  """Return a tensor of this shape whose numbers are finite.

  Raises:
    WeightsError: it is of another shape, which a note may explain, or not.
  """
  core.require(
    value.shape == shape,
    f"tensor '{name}' has shape {list(value.shape)}, expected {list(shape)}"
    f'{note}',
    WeightsError,
  )
  core.require(
    np.isfinite(value).all(),
    f"tensor '{name}' holds NaN or infinity",
    WeightsError,
  )
  return value


def _require_few(path: str, count: int, most: int) -> None:
  core.require(
    count <= most,
    f"'{path}' holds {count} tensors: more than {most}",
    WeightsError,
  )


def _read_safetensors(path, _, max_tensors):  # it is not compressed
  with safetensors.safe_open(path, framework='np') as f:
    names = list(f.keys())
    _require_few(path, len(names), max_tensors)
    return {name: f.get_tensor(name) for name in names}


def _read_npz(path, max_bytes, max_tensors):
  with zipfile.ZipFile(path) as z:
    _require_few(path, len(z.infolist()), max_tensors)
    size = sum(entry.file_size for entry in z.infolist())
  core.require(
    size <= max_bytes,
    f"'{path}' unpacks to {size} bytes: over {max_bytes}",
    WeightsError,
  )
  with np.load(path, allow_pickle=False) as f:
    return {name: f[name] for name in f.files}


def _read_by(module: str) -> Callable[..., dict[str, np.ndarray]]:
  """Return the reader of a module whose library takes a while to load."""
  module = f'art_jax.weights.{module}'
  return lambda *args: importlib.import_module(module).read(*args)


def _to_float32(path: str, name: str, value: np.ndarray) -> np.ndarray:
  dtype = value.dtype
  core.require(
    dtype.kind in 'iubf' or dtype.name == 'bfloat16',
    f"'{path}': tensor '{name}' has the type {dtype}, which is no real number "
    '(NumPy forgets bfloat16 in .npz); leave it out, or save it as float32',
    WeightsError,
  )
  return value if dtype.kind in 'iub' else np.asarray(value, np.float32)


# Of files whose content says nothing: they are damaged, and the reader of what
# they should be says how.
_READERS = {
  '.safetensors': _read_safetensors,
  '.npz': _read_npz,
  '.pth': torch_file.read,
  '.pt': torch_file.read,
  '.h5': _read_by('keras_file'),
}
