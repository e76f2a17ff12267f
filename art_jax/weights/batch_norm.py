"""Batch norms of frozen networks, folded into their convolutions."""

from collections.abc import Mapping

import numpy as np

from art_jax.weights.files import WeightsError

_PARTS = ('weight', 'bias', 'running_mean', 'running_var')


def fold(
  tensors: Mapping[str, np.ndarray],
  conv: str,
  norm: str,
  epsilon: float,
  shape: tuple[int, ...],
) -> dict[str, np.ndarray]:
  """Return one convolution that does what a convolution and its norm do.

  w' = w s, b' = beta - mean s, with s = gamma / sqrt(variance + epsilon).

  Args:
    tensors: PyTorch's, by name.
    conv: name of the convolution, which has no bias.
    norm: name of its batch norm.
    epsilon: of the norm.
    shape: (h, w, I, O) that the kernel must have.

  Returns:
    kernel: f32[h, w, I, O]; bias: f32[O].

  Raises:
    WeightsError: a tensor is missing or of another shape.
  """
  kernel = take(
    tensors, f'{conv}.weight', (shape[3], shape[2], shape[0], shape[1])
  ).astype(np.float64)
  gamma, beta, mean, variance = (
    take(tensors, f'{norm}.{part}', shape[3:]).astype(np.float64)
    for part in _PARTS
  )
  scale = gamma / np.sqrt(variance + epsilon)
  kernel = kernel.transpose(2, 3, 1, 0) * scale
  bias = beta - mean * scale
  return {
    'kernel': kernel.astype(np.float32),
    'bias': bias.astype(np.float32),
  }


def take(
  tensors: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]
) -> np.ndarray:
  """Return a tensor; raises WeightsError unless it is there in this shape."""
  if name not in tensors:
    raise WeightsError(f'tensor {name!r} is missing: other weights are needed')
  if tensors[name].shape != shape:
    raise WeightsError(
      f'tensor {name!r} has shape {tensors[name].shape}, not {shape}: other '
      'weights are needed'
    )
  return tensors[name]
