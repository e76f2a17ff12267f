"""CycleGAN generators of PyTorch: their tensors to our parameters and back.

All known files are `state_dict`s of one `nn.Sequential` called `model`, whose
positions count the padding, activation and norm layers too:

  1 stem, 4 and 7 down, 10... blocks, then up, up and the last convolution.

Inside a block the convolutions stand at 1 and 5 (6 where a dropout layer stands
between), under `conv_block` (junyanz/pytorch-CycleGAN-and-pix2pix) or `block`
(forks). An affine norm follows its convolution at the next position.
"""

import os
import re
from typing import Any, NamedTuple

import numpy as np

from art_jax.nn.resnet_generator import ResnetGenerator
from art_jax.weights.files import WeightsError, read

_NAME = re.compile(r'model\.(\d+)\.(?:(conv_block|block)\.(\d+)\.)?(\w+)')


class _Layer(NamedTuple):
  """A convolution and the norm behind it, under both naming schemes."""

  path: tuple[str, ...]  # in our parameter tree
  norm_path: tuple[str, ...] | None
  prefix: str  # 'model.10.conv_block.1.'
  norm_prefix: str | None
  shape: tuple[int, ...]  # of PyTorch's weight
  transposed: bool


def _layers(generator, in_channels: int, block: str) -> list[_Layer]:
  """List the layers of `generator` in order of execution."""
  width, layers = generator.width, []

  def add(name, position, out, inp, k, transposed=False, norm=True):
    path = (name,)
    shape = (inp, out, k, k) if transposed else (out, inp, k, k)
    norm_path = norm_prefix = None
    if norm:
      norm_path = (f'{name}_norm',)
      norm_prefix = f'model.{position + 1}.'
    prefix = f'model.{position}.'
    layers.append(
      _Layer(path, norm_path, prefix, norm_prefix, shape, transposed)
    )

  add('stem', 1, width, in_channels, 7)
  add('down_0', 4, 2 * width, width, 3)
  add('down_1', 7, 4 * width, 2 * width, 3)
  positions = (1, 6 if generator.dropout else 5)
  for i in range(generator.blocks):
    for j, inner in enumerate(positions):
      prefix = f'model.{10 + i}.{block}.'
      layers.append(
        _Layer(
          (f'block_{i}', f'conv_{j}'),
          (f'block_{i}', f'norm_{j}'),
          f'{prefix}{inner}.',
          f'{prefix}{inner + 1}.',
          (4 * width, 4 * width, 3, 3),
          False,
        )
      )
  transposed = generator.upsample == 'transpose'
  # A resize convolution is three modules: enlarge, pad, convolve.
  position, step = 10 + generator.blocks + 2 * (not transposed), 3
  step += 2 * (not transposed)
  add('up_0', position, 2 * width, 4 * width, 3, transposed)
  add('up_1', position + step, width, 2 * width, 3, transposed)
  add('head', position + step + 4, generator.channels, width, 7, norm=False)
  return layers


def _norm_tensors(norm: str) -> dict[str, tuple[str, str]]:
  """Map PyTorch's names of a norm's tensors to (collection, our name)."""
  names = {}
  if norm not in ('instance', 'none'):
    names |= {'weight': ('params', 'scale'), 'bias': ('params', 'bias')}
  if norm == 'batch':
    names |= {
      'running_mean': ('batch_stats', 'mean'),
      'running_var': ('batch_stats', 'var'),
    }
  return names


def _expected(generator, layers) -> dict[str, tuple[tuple, tuple]]:
  """Map each PyTorch name to (its shape, (collection, *path) of ours)."""
  expected = {}
  for layer in layers:
    out = layer.shape[1 if layer.transposed else 0]
    at = ('params', *layer.path)
    expected[layer.prefix + 'weight'] = (layer.shape, (*at, 'kernel'))
    if generator.norm != 'batch' or layer.norm_path is None:
      expected[layer.prefix + 'bias'] = ((out,), (*at, 'bias'))
    if layer.norm_path is None:
      continue
    for name, (where, ours) in _norm_tensors(generator.norm).items():
      target = (where, *layer.norm_path, ours)
      expected[layer.norm_prefix + name] = ((out,), target)
  return expected


def _clean(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
  """Drop wrappers' prefixes, counters and meaningless running statistics."""
  cleaned = {}
  for name, value in tensors.items():
    name = name.removeprefix('module.')
    if not name.endswith('num_batches_tracked'):
      cleaned[name] = value
  # PyTorch < 0.4 stored running statistics for instance norms without using
  # them; a batch norm has a weight beside them.
  return {
    name: value
    for name, value in cleaned.items()
    if '.running_' not in name or f'{name.rsplit(".", 1)[0]}.weight' in cleaned
  }


def _tensor(tensors, name: str, expected: str, rank: int) -> np.ndarray:
  if name not in tensors:
    raise WeightsError(f"missing tensor '{name}', expected shape {expected}")
  if tensors[name].ndim != rank:
    raise WeightsError(
      f"tensor '{name}' has shape {list(tensors[name].shape)}, expected "
      f'{expected}'
    )
  return tensors[name]


def _infer(tensors) -> tuple[ResnetGenerator, list[_Layer]]:
  """Find the member of the family that the tensors describe."""
  stem = _tensor(tensors, 'model.1.weight', '[width, channels, 7, 7]', 4)
  matches = {name: _NAME.fullmatch(name) for name in tensors}
  for name, match in matches.items():
    if match is None:
      raise WeightsError(
        f"unknown tensor '{name}', expected model.N.weight and the like of a "
        'ResNet generator'
      )
  inner = [m for m in matches.values() if m[2]]
  blocks = len({m[1] for m in inner})
  block = inner[0][2] if inner else 'conv_block'
  width = stem.shape[0]
  up = {
    'transpose': f'model.{10 + blocks}.weight',
    'resize': f'model.{12 + blocks}.weight',
  }
  upsample = 'transpose' if up['transpose'] in tensors else 'resize'
  head = f'model.{(17 if upsample == "transpose" else 21) + blocks}.weight'
  channels = _tensor(tensors, head, f'[channels, {width}, 7, 7]', 4).shape[0]
  if any('.running_' in name for name in tensors):
    norm = 'batch'
  else:
    affine = any(tensors[n].ndim == 1 for n in tensors if n.endswith('.weight'))
    norm = 'instance_affine' if affine else 'instance'
  second = f'model.10.{block}.6.weight'
  dropout = 0.5 * (second in tensors and tensors[second].ndim == 4)
  generator = ResnetGenerator(width, blocks, channels, norm, upsample, dropout)
  return generator, _layers(generator, stem.shape[1], block)


def from_torch(
  tensors: dict[str, np.ndarray],
) -> tuple[ResnetGenerator, dict[str, Any]]:
  """Convert a PyTorch `state_dict`, inferring the generator it belongs to.

  Width, blocks, channels, norm, up-sampling and dropout follow from names and
  shapes.

  Args:
    tensors: name -> array with PyTorch's names and layouts.

  Returns:
    The module and its variables: `params`, and `batch_stats` for batch norm.

  Raises:
    WeightsError: if no member of the family fits; one line that names the
      tensor and the shapes.
  """
  tensors = _clean(tensors)
  generator, layers = _infer(tensors)
  expected = _expected(generator, layers)
  variables: dict[str, Any] = {'params': {}}
  for name, (shape, target) in expected.items():
    value = _tensor(tensors, name, str(list(shape)), len(shape))
    if value.shape != shape:
      raise WeightsError(
        f"tensor '{name}' has shape {list(value.shape)}, expected {list(shape)}"
      )
    if not np.isfinite(value).all():
      raise WeightsError(f"tensor '{name}' holds NaN or infinity")
    node = variables
    for key in target[:-1]:
      node = node.setdefault(key, {})
    transposed = {
      layer.prefix + 'weight' for layer in layers if layer.transposed
    }
    node[target[-1]] = _to_ours(value, name in transposed)
  for name in tensors:
    if name not in expected:
      raise WeightsError(
        f"unknown tensor '{name}' {list(tensors[name].shape)}: not part of "
        f'{_describe(generator)}'
      )
  return generator, variables


def _to_ours(value: np.ndarray, transposed: bool) -> np.ndarray:
  if value.ndim == 4:
    value = value.transpose((2, 3, 0, 1) if transposed else (2, 3, 1, 0))
  return np.ascontiguousarray(value, np.float32)


def _describe(generator) -> str:
  return (
    f'a ResNet generator of width {generator.width}, {generator.blocks} blocks'
    f', norm {generator.norm}, upsample {generator.upsample}'
  )


def load_generator(
  path: str | os.PathLike,
) -> tuple[ResnetGenerator, dict[str, Any]]:
  """Read a CycleGAN generator from a `.safetensors` or `.npz` file.

  Args:
    path: file with PyTorch's names; see `from_torch`.

  Returns:
    `(generator, variables)` for `generator.apply(variables, x)`.

  Raises:
    WeightsError: if the file cannot be read, or fits no ResNet generator.
  """
  try:
    return from_torch(read(path))
  except WeightsError as e:
    if os.fspath(path) in str(e):
      raise
    raise WeightsError(f"'{os.fspath(path)}': {e}") from None


def to_torch(
  generator: ResnetGenerator, variables: dict[str, Any]
) -> dict[str, np.ndarray]:
  """Name and lay out the variables as junyanz/pytorch-CycleGAN-and-pix2pix.

  Args:
    generator: the module that the variables belong to.
    variables: its `params` and, for batch norm, `batch_stats`.

  Returns:
    float32 arrays; `from_torch` is the inverse.

  Raises:
    WeightsError: if the variables are not those of the generator.
  """
  in_channels = np.shape(variables['params']['stem']['kernel'])[2]
  layers = _layers(generator, in_channels, 'conv_block')
  transposed = {layer.prefix + 'weight' for layer in layers if layer.transposed}
  tensors = {}
  for name, (shape, target) in _expected(generator, layers).items():
    node = variables
    for key in target:
      if key not in node:
        raise WeightsError(f'missing variable {"/".join(target)}')
      node = node[key]
    value = np.asarray(node, np.float32)
    if value.ndim == 4:
      axes = (2, 3, 0, 1) if name in transposed else (3, 2, 0, 1)
      value = value.transpose(axes)
    if value.shape != shape:
      raise WeightsError(
        f'variable {"/".join(target)} has shape {list(np.shape(node))}, '
        f'which is {list(value.shape)} as {name}, expected {list(shape)}'
      )
    tensors[name] = np.ascontiguousarray(value)
  return tensors
