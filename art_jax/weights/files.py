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
    '.h5': _read_by('keras_file'),
    '.onnx': _read_by('onnx_file'),
  }
  core.require(
    suffix in readers,
    f"cannot read weights from '{path}': expected {' or '.join(readers)}",
    WeightsError,
  )
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
    tensors = readers[suffix](path, max_bytes, max_tensors)
  except WeightsError:
    raise
  except Exception as e:  # the libraries raise many kinds of errors
    raise WeightsError(f"cannot read '{path}': {e}") from e
  return {name: _to_float32(value) for name, value in tensors.items()}


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


def _to_float32(value: np.ndarray) -> np.ndarray:
  return value if value.dtype.kind in 'iub' else np.asarray(value, np.float32)
