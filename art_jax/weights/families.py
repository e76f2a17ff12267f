"""Foreign weights by name: which network a file holds, and writing it again."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import logging
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
  nesting,
  pix2pix,
  state_dict,
  transformer_net,
)
from art_jax.weights.files import WeightsError, read_all

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


_Network = tuple[nn.Module, dict[str, Any]]


def from_torch(
  tensors: state_dict.Tensors,
) -> tuple[nn.Module, dict[str, Any]]:
  """Convert a PyTorch `state_dict`, inferring the network it belongs to.

  Widths, depth, channels, norms and up-sampling follow from names and shapes.
  The network may lie below keys at any depth ('netG', 'params_ema'), which are
  told: a generator is preferred to a discriminator, and averaged weights to
  others.

  Args:
    tensors: name -> array with PyTorch's names and layouts.

  Returns:
    The module and its variables: `params`, and `batch_stats` for batch norm.

  Raises:
    WeightsError: if no network fits; one line that names the tensor and the
      shapes.
  """
  tensors = nesting.without_wrappers(tensors)
  found: dict[str, _Network] = {}
  failed: dict[str, WeightsError] = {}
  for prefix in nesting.places(tensors, _FAMILIES):
    if any(prefix.startswith(outer) for outer in found):
      continue
    try:
      found[prefix] = _network(nesting.below(tensors, prefix))
    except WeightsError as error:
      failed[prefix] = error
  if not found and not failed:
    raise WeightsError(_unknown(tensors))
  return _chosen(tensors, found, failed)


def _network(tensors: state_dict.Tensors) -> _Network:
  """Return the network that these tensors are, exactly."""
  failed = None
  for first, (family, what) in _FAMILIES.items():
    if first in tensors:
      try:
        module, layers = family.infer(tensors)
        return module, state_dict.from_torch(tensors, layers, what)
      except WeightsError as error:
        failed = failed or error
  assert failed is not None  # `places` found a first tensor
  raise failed


def _chosen(
  tensors: state_dict.Tensors,
  found: Mapping[str, _Network],
  failed: Mapping[str, WeightsError],
) -> _Network:
  """Return the network that a file is meant for, and say which it is.

  Generators come before discriminators, averaged weights before others.

  Raises:
    WeightsError: the best one is damaged, or there are several.
  """
  ranks = {prefix: _rank(tensors, prefix) for prefix in (*found, *failed)}
  best = max(ranks[prefix] for prefix in (found or failed))
  for prefix, error in failed.items():
    encloses = any(inner.startswith(prefix) for inner in found)
    if ranks[prefix] >= best and not encloses:
      raise error
  top = [prefix for prefix in found if ranks[prefix] == best]
  keys = [prefix.removesuffix('.') for prefix in top]
  if len(top) > 1:
    raise WeightsError(
      f'it holds {len(top)} networks that are equally good: '
      f'{", ".join(map(repr, keys))}; save one of them alone, for example '
      f'torch.save(torch.load(FILE)[{keys[0]!r}], NEW_FILE)'
    )
  others = [prefix.removesuffix('.') for prefix in found if prefix not in top]
  beside = f'; beside it: {", ".join(map(repr, others))}' if others else ''
  if keys[0]:
    logging.warning('weights: %r of the file is used%s', keys[0], beside)
  return found[top[0]]


def _rank(tensors: state_dict.Tensors, prefix: str) -> tuple[bool, bool]:
  """Return what makes one network of a file better than another."""
  scores = (
    pix2pix.FIRST_PATCH,
    pix2pix.FIRST_PIXEL,
    f'{dcgan.FIRST.removesuffix("0.weight")}2.weight',  # a generator has none
  )
  generates = not any(f'{prefix}{name}' in tensors for name in scores)
  return generates, nesting.averaged(prefix)


def _unknown(tensors: state_dict.Tensors) -> str:
  some = ', '.join(
    f'{name[:60]} {list(value.shape)}'
    for name, value in list(tensors.items())[:3]
  )
  known = '; '.join(f'{name}: {what}' for name, (_, what) in _FAMILIES.items())
  return (
    f'no known network begins with these tensors ({some}, ...); known are '
    f'{known}'
  )


def load(path: str | os.PathLike) -> tuple[nn.Module, dict[str, Any]]:
  """Read a network from a file of weights; see `files.read_all`, `from_torch`.

  Returns:
    `(module, variables)` for `module.apply(variables, x)`.

  Raises:
    WeightsError: if the file cannot be read, or fits no network.
  """
  try:
    return from_torch(read_all(path))
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
