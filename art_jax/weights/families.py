"""Foreign weights by name: which network a file holds, and writing it again."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from flax import linen as nn
from safetensors.numpy import save

from art_jax import core
from art_jax.core.paths import require_free, write_atomic
from art_jax.nn.dcgan import DCGANDiscriminator, DCGANGenerator
from art_jax.nn.patchgan import PatchGAN
from art_jax.nn.resnet_generator import ResnetGenerator
from art_jax.nn.transformer_net import TransformerNet
from art_jax.nn.unet import UNet
from art_jax.weights import (
  cyclegan,
  dcgan,
  pix2pix,
  state_dict,
  transformer_net,
)
from art_jax.weights.files import WeightsError, read

# The first tensor of a family tells it; a U-Net's before a ResNet's.
_FAMILIES = {
  pix2pix.FIRST_UNET: (pix2pix, 'a U-Net of pix2pix'),
  pix2pix.FIRST_PATCH: (pix2pix, 'a PatchGAN discriminator'),
  pix2pix.FIRST_PIXEL: (pix2pix, 'a PixelGAN discriminator'),
  cyclegan.FIRST: (cyclegan, 'a ResNet generator of CycleGAN'),
  dcgan.FIRST: (dcgan, 'a DCGAN network of the PyTorch tutorial'),
  transformer_net.FIRST: (
    transformer_net,
    'a TransformerNet of fast style transfer',
  ),
  transformer_net.FIRST_OF_STYLES: (
    transformer_net,
    'a TransformerNet of several styles',
  ),
}
_MODULES = {
  ResnetGenerator: cyclegan,
  UNet: pix2pix,
  PatchGAN: pix2pix,
  DCGANGenerator: dcgan,
  DCGANDiscriminator: dcgan,
  TransformerNet: transformer_net,
}


def from_torch(
  tensors: state_dict.Tensors,
) -> tuple[nn.Module, dict[str, Any]]:
  """Convert a PyTorch `state_dict`, inferring the network it belongs to.

  Widths, depth, channels, norms and up-sampling follow from names and shapes.

  Args:
    tensors: name -> array with PyTorch's names and layouts.

  Returns:
    The module and its variables: `params`, and `batch_stats` for batch norm.

  Raises:
    WeightsError: if no network fits; one line that names the tensor and the
      shapes.
  """
  tensors = state_dict.clean(tensors)
  for first, (family, what) in _FAMILIES.items():
    if first in tensors:
      module, layers = family.infer(tensors)
      return module, state_dict.from_torch(tensors, layers, what)
  some = ', '.join(
    f'{name[:60]} {list(value.shape)}'
    for name, value in list(tensors.items())[:3]
  )
  known = '; '.join(f'{name}: {what}' for name, (_, what) in _FAMILIES.items())
  raise WeightsError(
    f'no known network begins with these tensors ({some}, ...); known are '
    f'{known}'
  )


def load(path: str | os.PathLike) -> tuple[nn.Module, dict[str, Any]]:
  """Read a network from a file of weights; see `files.read`, `from_torch`.

  Returns:
    `(module, variables)` for `module.apply(variables, x)`.

  Raises:
    WeightsError: if the file cannot be read, or fits no network.
  """
  try:
    return from_torch(read(path))
  except WeightsError as e:
    if os.fspath(path) in str(e):
      raise
    raise WeightsError(f"'{os.fspath(path)}': {e}") from None


def to_torch(
  module: nn.Module, variables: Mapping[str, Any]
) -> dict[str, np.ndarray]:
  """Name and lay out variables as the PyTorch code of the family does.

  DCGAN as in the PyTorch tutorial, TransformerNet as in PyTorch's example, all
  others as in junyanz/pytorch-CycleGAN-and-pix2pix.

  Returns:
    float32 arrays; `from_torch` is the inverse.

  Raises:
    WeightsError: if the family is not known, or the variables are not those
      of the module.
  """
  known = ', '.join(kind.__name__ for kind in _MODULES)
  core.require(
    type(module) in _MODULES,
    f'{type(module).__name__} has no foreign names; known are {known}',
    WeightsError,
  )
  layers = _MODULES[type(module)].layers_of(module, variables['params'])
  return state_dict.to_torch(variables, layers)


def write(
  path: str | os.PathLike,
  module: nn.Module,
  variables: Mapping[str, Any],
  *,
  overwrite: bool = False,
) -> None:
  """Write a `.safetensors` file under the family's PyTorch names.

  Raises:
    core.UserError: if the file exists, or the names are not known.
  """
  require_free(pathlib.Path(path), overwrite)
  write_atomic(path, save(to_torch(module, variables), {'format': 'pt'}))
