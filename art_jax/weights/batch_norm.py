"""Batch norms of frozen networks, folded into their convolutions."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax import traverse_util

from art_jax import core
from art_jax.weights.files import WeightsError

_PARTS = ('weight', 'bias', 'running_mean', 'running_var')


def fold_network(
  module: nn.Module,
  side: int,
  tensors: Mapping[str, np.ndarray],
  names: Callable[[tuple[str, ...]], tuple[str, str]],
  epsilon: float,
) -> dict[str, Any]:
  """Return the `params` of a network without norms from one that had them.

  Args:
    module: the network; all its kernels are those of convolutions.
    side: of the pictures that it takes, in pixels.
    tensors: PyTorch's, by name.
    names: from the path of a convolution to PyTorch's names of it and its norm.
    epsilon: of the norms.

  Raises:
    WeightsError: see `fold`.
  """
  example = jnp.zeros((1, side, side, 3))
  shapes = jax.eval_shape(module.init, jax.random.key(0), example)['params']
  params = {}
  leaves: dict[Any, Any] = traverse_util.flatten_dict(shapes)
  for path, leaf in leaves.items():
    if path[-1] == 'kernel':
      conv, norm = names(path[:-1])
      folded = fold(tensors, conv, norm, epsilon, leaf.shape)
      params |= {(*path[:-1], name): x for name, x in folded.items()}
  return traverse_util.unflatten_dict(params)


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
  return {
    'kernel': (kernel.transpose(2, 3, 1, 0) * scale).astype(np.float32),
    'bias': (beta - mean * scale).astype(np.float32),
  }


def take(
  tensors: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]
) -> np.ndarray:
  """Return a tensor; raises WeightsError unless it is there in this shape."""
  core.require(
    name in tensors,
    f'tensor {name!r} is missing: other weights are needed',
    WeightsError,
  )
  core.require(
    tensors[name].shape == shape,
    f'tensor {name!r} has shape {tensors[name].shape}, not {shape}: other '
    'weights are needed',
    WeightsError,
  )
  return tensors[name]
