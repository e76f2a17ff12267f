"""Tables of layers: PyTorch's `state_dict` names against our variables.

A family (dcgan.py, pix2pix.py, cyclegan.py) writes down its layers; reading and
writing are the same for all.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from flax import traverse_util

from art_jax import core
from art_jax.weights.files import WeightsError, checked

Tensors = Mapping[str, np.ndarray]  # PyTorch's names and layouts

# What state_dicts hold beside weights: counters, and statistics that only a
# batch norm uses.
# Counters, and the constant kernels of CUT's blurs.
_NO_WEIGHTS = ('num_batches_tracked', '.filt')
_STATISTICS = ('running_mean', 'running_var')
_NORM_TENSORS = {
  'batch': {
    'weight': ('params', 'scale'),
    'bias': ('params', 'bias'),
    'running_mean': ('batch_stats', 'mean'),
    'running_var': ('batch_stats', 'var'),
  },
  'instance_affine': {
    'weight': ('params', 'scale'),
    'bias': ('params', 'bias'),
  },
  'conditional': {
    'gamma': ('params', 'scale'),
    'beta': ('params', 'bias'),
  },
  'instance': {},
  'none': {},
}


class Layer(NamedTuple):
  """A convolution and the norm behind it, under both naming schemes.

  Attributes:
    prefix: of PyTorch's names: 'model.10.conv_block.1.'.
    path: in our parameter tree.
    inp: channels that it reads.
    out: channels that it gives.
    size: side of its kernel. PyTorch's is [out, inp, size, size].
    transposed: it is a transposed convolution, [inp, out, size, size].
    bias: it has one.
    norm: 'batch', 'instance_affine', 'conditional', 'instance' or 'none'.
    norm_prefix: of PyTorch's names.
    norm_path: in our tree.
    kernel: PyTorch's name of the weight.
    styles: rows of a conditional norm.
  """

  prefix: str
  path: tuple[str, ...]
  inp: int
  out: int
  size: int
  transposed: bool = False
  bias: bool = True
  norm: str = 'none'
  norm_prefix: str = ''
  norm_path: tuple[str, ...] = ()
  kernel: str = 'weight'
  styles: int = 0


class _Entry(NamedTuple):
  shape: tuple[int, ...]
  target: tuple[str, ...]  # (collection, *path) of ours
  axes: tuple[int, ...] | None = None  # from PyTorch's layout to ours


def _entries(layers: Sequence[Layer]) -> dict[str, _Entry]:
  """Map each PyTorch name to what it is."""
  entries = {}
  for layer in layers:
    sides = (layer.out, layer.inp)
    entries[f'{layer.prefix}{layer.kernel}'] = _Entry(
      (*(sides[::-1] if layer.transposed else sides), layer.size, layer.size),
      ('params', *layer.path, 'kernel'),
      (2, 3, 0, 1) if layer.transposed else (2, 3, 1, 0),
    )
    if layer.bias:
      target = ('params', *layer.path, 'bias')
      entries[f'{layer.prefix}bias'] = _Entry((layer.out,), target)
    rows = (layer.styles, layer.out) if layer.styles else (layer.out,)
    entries |= {
      f'{layer.norm_prefix}{name}': _Entry(
        rows, (collection, *layer.norm_path, ours)
      )
      for name, (collection, ours) in _NORM_TENSORS[layer.norm].items()
    }
  return entries


def need(tensors: Tensors, name: str, expected: str, rank: int) -> np.ndarray:
  """Return a tensor, or raise the WeightsError that names it.

  Args:
    tensors: to look in.
    name: of the tensor.
    expected: its shape, for the message: '[width, channels, 7, 7]'.
    rank: number of its axes.
  """
  core.require(
    name in tensors,
    f"missing tensor '{name}', expected shape {expected}",
    WeightsError,
  )
  core.require(
    tensors[name].ndim == rank,
    f"tensor '{name}' has shape {list(tensors[name].shape)}, expected "
    f'{expected}',
    WeightsError,
  )
  return tensors[name]


def in_channels(params: Mapping[str, Any], layer: str) -> int:
  """Return the channels that a convolution of ours reads; 3 without one."""
  return params[layer]['kernel'].shape[2] if layer in params else 3


def norm_of(tensors: Tensors, prefix: str) -> str:
  """Tell a norm layer by its tensors: batch, instance_affine or instance.

  PyTorch before 0.4 stored running statistics of instance norms without using
  them. A batch norm has a weight beside them, and published code gives the
  convolution before it, one position earlier, no bias.
  """
  root, position, _ = prefix.rsplit('.', 2)
  if f'{prefix}weight' not in tensors:
    return 'instance'
  biased = f'{root}.{int(position) - 1}.bias' in tensors
  batch = f'{prefix}running_mean' in tensors and not biased
  return 'batch' if batch else 'instance_affine'


def discriminator(
  root: str, plan: Sequence[int], size: int, norm: str, biases: Sequence[bool]
) -> list[Layer]:
  """List the convolutions of a discriminator, one Sequential called `root`.

  No norm follows the first and the last: they stand at 0, 2, 5, 8, ...

  Args:
    root: of PyTorch's names.
    plan: channels of the pictures, then of every layer.
    size: side of the kernels.
    norm: of all layers but the first and the last.
    biases: which layers have one.
  """
  last = len(plan) - 2
  return [
    Layer(
      f'{root}.{max(3 * i - 1, 0)}.',
      ('head',) if i == last else (f'conv_{i}',),
      inp,
      out,
      size,
      bias=biases[i],
      norm=norm if 0 < i < last else 'none',
      norm_prefix=f'{root}.{3 * i}.',
      norm_path=(f'norm_{i}',),
    )
    for i, (inp, out) in enumerate(itertools.pairwise(plan))
  ]


def from_torch(
  tensors: Tensors, layers: Sequence[Layer], what: str
) -> dict[str, Any]:
  """Convert a `state_dict` to variables, where it is exactly these layers.

  Args:
    tensors: counters and blurs in it, and statistics of instance norms, are
      ignored.
    layers: those of the network.
    what: the network in words, for the message.

  Returns:
    `params`, and `batch_stats` where there are batch norms.

  Raises:
    WeightsError: one line that names the tensor and the shapes.
  """
  entries = _entries(layers)
  variables: dict[tuple[str, ...], np.ndarray] = {}
  for name, (shape, target, axes) in entries.items():
    value = need(tensors, name, str(list(shape)), len(shape))
    value = checked(name, value, shape)
    variables[target] = np.ascontiguousarray(
      value.transpose(axes) if axes else value, np.float32
    )
  unused = {
    f'{layer.norm_prefix}{name}'
    for layer in layers
    if layer.norm not in ('none', 'batch')
    for name in _STATISTICS
  }
  for name in tensors:
    core.require(
      name in entries or name in unused or name.endswith(_NO_WEIGHTS),
      f"unknown tensor '{name}' {list(tensors[name].shape)}: not part of "
      f'{what}',
      WeightsError,
    )
  return traverse_util.unflatten_dict(variables)


def to_torch(
  variables: Mapping[str, Any], layers: Sequence[Layer]
) -> dict[str, np.ndarray]:
  """Convert variables to a `state_dict`; the inverse of `from_torch`.

  Raises:
    WeightsError: if the variables are not those of the layers.
  """
  tensors, leaves = {}, traverse_util.flatten_dict(dict(variables))
  for name, (shape, target, axes) in _entries(layers).items():
    core.require(
      target in leaves, f'missing variable {"/".join(target)}', WeightsError
    )
    value = np.asarray(leaves[target], np.float32)
    ours = list(value.shape)
    if axes and value.ndim == 4:
      value = value.transpose(np.argsort(axes))
    core.require(
      value.shape == shape,
      f'variable {"/".join(target)} has shape {ours}, '
      f'which is {list(value.shape)} as {name}, expected {list(shape)}',
      WeightsError,
    )
    tensors[name] = np.ascontiguousarray(value)
  return tensors
