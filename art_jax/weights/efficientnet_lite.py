"""The weights of EfficientNet-Lite0, in the names of efficientnet_pytorch."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from art_jax.nn.efficientnet_lite import SIDE, WIDTH, EfficientNetLite0
from art_jax.weights import batch_norm, catalogue
from art_jax.weights.files import WeightsError, read

_EPSILON = 1e-3
_NUM_CLASSES = 1000
_NORMS = {
  '_conv_stem': '_bn0',
  '_conv_head': '_bn1',
  '_expand_conv': '_bn0',
  '_depthwise_conv': '_bn1',
  '_project_conv': '_bn2',
}
NAME = 'efficientnet_lite0'


def load(path: str | os.PathLike | None = None) -> dict[str, Any]:
  """Return the weights of `EfficientNetLite0`.

  Args:
    path: of the file; None: where `catalogue.find` has `efficientnet_lite0`.

  Returns:
    params: the network's, batch norms folded in; outputs: kernel f32[1280,
    1000] and bias of the classifier.

  Raises:
    WeightsError: the file is missing, or not these weights.
  """
  tensors = read(catalogue.find(NAME) if path is None else path)
  params = _fold(tensors)
  classes = (_NUM_CLASSES, WIDTH)
  return {
    'params': params,
    'outputs': {
      'kernel': batch_norm.take(tensors, '_fc.weight', classes).T,
      'bias': batch_norm.take(tensors, '_fc.bias', classes[:1]),
    },
  }


def load_taps(name: str) -> dict[str, Any]:
  """Return the `params` that `EfficientNetLite0` needs for its taps.

  Args:
    name: a path, or `efficientnet_lite0`.

  Raises:
    core.UserError: absent, with the ways to get it, or not these weights.
  """
  path = catalogue.find(name)
  try:
    params = _fold(read(path))
  except WeightsError as error:
    raise WeightsError(f"'{path}': {error}") from None
  params.pop('_conv_head')
  return params


def _fold(tensors: Mapping[str, np.ndarray]) -> dict[str, Any]:
  return batch_norm.fold_network(
    EfficientNetLite0(), SIDE, tensors, _names, _EPSILON
  )


def _names(path: tuple[str, ...]) -> tuple[str, str]:
  """Return PyTorch's names of a convolution and of its norm."""
  *block, conv = path
  prefix = ''.join(f'{b.replace("_blocks_", "_blocks.")}.' for b in block)
  return prefix + conv, prefix + _NORMS[conv]
