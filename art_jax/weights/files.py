"""Read files of named tensors into NumPy, without running code from them."""

import os
import zipfile

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

  `.safetensors`; `.npz`; `.pth` and `.pt` of PyTorch, both the zip archives of
  1.6 and later and the streams before, without PyTorch; `.h5` of Keras; the
  initializers of `.onnx` (with the extra art_jax[onnx]). A 'state_dict' inside
  a .pth is found; other dicts in it give 'outer.inner'.
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
  path = os.fspath(path)
  suffix = os.path.splitext(path)[1].lower()
  readers = {
    '.safetensors': _read_safetensors,
    '.npz': _read_npz,
    '.pth': torch_file.read,
    '.pt': torch_file.read,
    '.h5': _read_keras,
    '.onnx': _read_onnx,
  }
  if suffix not in readers:
    raise WeightsError(
      f"cannot read weights from '{path}': expected {' or '.join(readers)}"
    )
  if not os.path.isfile(path):
    raise WeightsError(f"weights file '{path}' does not exist")
  size = os.path.getsize(path)
  if size > max_bytes:
    raise WeightsError(f"'{path}' has {size} bytes: more than {max_bytes}")
  try:
    tensors = readers[suffix](path, max_bytes, max_tensors)
  except WeightsError:
    raise
  except Exception as e:  # the libraries raise many kinds of errors
    raise WeightsError(f"cannot read '{path}': {e}") from e
  return {name: _to_float32(value) for name, value in tensors.items()}


def _require_few(path: str, count: int, most: int) -> None:
  if count > most:
    raise WeightsError(f"'{path}' holds {count} tensors: more than {most}")


def _read_safetensors(path, max_bytes, max_tensors):
  del max_bytes  # the file is not compressed
  with safetensors.safe_open(path, framework='np') as f:
    names = list(f.keys())
    _require_few(path, len(names), max_tensors)
    return {name: f.get_tensor(name) for name in names}


def _read_npz(path, max_bytes, max_tensors):
  with zipfile.ZipFile(path) as z:
    _require_few(path, len(z.infolist()), max_tensors)
    size = sum(entry.file_size for entry in z.infolist())
  if size > max_bytes:
    raise WeightsError(f"'{path}' unpacks to {size} bytes: over {max_bytes}")
  with np.load(path, allow_pickle=False) as f:
    return {name: f[name] for name in f.files}


def _read_keras(path, max_bytes, max_tensors):
  from art_jax.weights import keras_file  # HDF5 takes a while to load

  return keras_file.read(path, max_bytes, max_tensors)


def _read_onnx(path, max_bytes, max_tensors):
  from art_jax.weights import onnx_file

  return onnx_file.read(path, max_bytes, max_tensors)


def _to_float32(value: np.ndarray) -> np.ndarray:
  if value.dtype.kind in 'iub':
    return value
  return np.asarray(value, np.float32)
