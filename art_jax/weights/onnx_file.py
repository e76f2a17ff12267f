"""Read the weights of an ONNX file; its graph is neither run nor checked."""

import numpy as np

from art_jax import core
from art_jax.weights.files import WeightsError

# TensorProto.DataType of what weights are made of: float and double, int8 to
# int64, uint8, bool, float16 and bfloat16.
_TYPES = {1, 2, 3, 6, 7, 9, 10, 11, 16}


def read(path: str, max_bytes: int, max_tensors: int) -> dict[str, np.ndarray]:
  """Return the initializers by name; see `files.read`.

  The file is not compressed: `max_bytes` holds without a look.

  Raises:
    WeightsError: onnx is not installed, or the file is damaged, or its weights
      lie in other files.
  """
  try:
    import onnx  # an extra
    from onnx.external_data_helper import uses_external_data
  except ImportError:
    raise WeightsError(
      f"'{path}': .onnx files are read by onnx, which is not installed; run: "
      'pip install "art_jax[onnx]"'
    ) from None
  try:
    model = onnx.load(path, format='protobuf', load_external_data=False)
  except Exception as error:  # of protobuf
    raise WeightsError(
      f"'{path}' is cut off, or no ONNX file: {error}"
    ) from None
  tensors = model.graph.initializer
  core.require(
    tensors, f"'{path}' holds no weights of an ONNX model", WeightsError
  )
  core.require(
    len(tensors) <= max_tensors,
    f"'{path}' holds more than {max_tensors} tensors",
    WeightsError,
  )
  for tensor in tensors:
    core.require(
      not uses_external_data(tensor),
      f"tensor '{tensor.name}' lies in another file; save the model as one "
      'file',
      WeightsError,
    )
    core.require(
      tensor.data_type in _TYPES,
      f"tensor '{tensor.name}' has the ONNX type {tensor.data_type}: not known",
      WeightsError,
    )
  return {tensor.name: _array(tensor) for tensor in tensors}


def _array(tensor) -> np.ndarray:
  from onnx import numpy_helper

  try:
    return numpy_helper.to_array(tensor)
  except Exception as error:  # it does not check what it reads
    raise WeightsError(
      f"tensor '{tensor.name}' has the shape {list(tensor.dims)} and other "
      f'values: {error}'
    ) from None
