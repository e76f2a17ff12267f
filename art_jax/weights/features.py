"""Weights of VGG and SqueezeNet, under the names that others gave them.

Every convention is a function from a tensor's name to (number of the
convolution in order of execution, 'kernel' or 'bias'). Kernels are OIHW or
HWIO, told by their shape.
"""

import functools
import os
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import traverse_util

from art_jax import core
from art_jax.nn.squeezenet import SqueezeNet
from art_jax.nn.vgg import MEAN, STD, VGG
from art_jax.weights import catalogue
from art_jax.weights.files import WeightsError, checked, read

# Caffe's, of blue, green, red in 0..255; nothing is divided by.
_CAFFE_BGR = np.array([103.939, 116.779, 123.68], np.float32)
_KINDS = dict.fromkeys(('w', 'W', 'weight', 'weights', 'kernel'), 'kernel')
_KINDS |= dict.fromkeys(('b', 'bias', 'biases'), 'bias')
_FIRE = ('squeeze', 'expand1x1', 'expand3x3')
_KIND = '(weights|weight|kernel|biases|bias|W|w|b)'


class _Convention(NamedTuple):
  """How one source names and feeds its network.

  Attributes:
    example: a name, for messages.
    pattern: of the names; group 1 is the layer, group 2 the kind.
    number: from group 1 to the number of the convolution, None: not one.
    inputs: 'imagenet' (RGB over mean and deviation), 'bgr' (0..255 minus
      caffe's mean) or 'rgb' (the same with the channels exchanged).
  """

  example: str
  pattern: re.Pattern
  number: Callable[[str], int | None]
  inputs: str


def load(
  module: VGG | SqueezeNet,
  name: str | os.PathLike,
  layers: tuple[str, ...] | None = None,
) -> dict[str, Any]:
  """Read the weights of a feature network.

  Args:
    module: which network they have to fit.
    name: a path, or a name that `catalogue.find` knows, e.g. 'vgg16'.
    layers: those that will be asked for; weights behind the last of them are
      neither needed nor returned. None: all.

  Returns:
    Its variables as f32 arrays: `params`, and `constants` with the `mean` and
    `std` that the file's pictures were normalized with (see `nn.vgg.VGG`).

  Raises:
    core.UserError: absent, unreadable, of another layout; names the tensor.
  """
  path = catalogue.find(os.fspath(name))
  tensors = read(path)
  try:
    return convert(module, tensors, layers, path.name)
  except WeightsError as error:
    raise WeightsError(f"'{path}': {error}") from None


def convert(
  module: VGG | SqueezeNet,
  tensors: Mapping[str, np.ndarray],
  layers: tuple[str, ...] | None = None,
  file: str = '',
) -> dict[str, Any]:
  """Rename and lay out tensors; see `load`.

  Args:
    module: the network.
    tensors: by their names in the file.
    layers: see `load`.
    file: its name. The caffe networks as published for PyTorch have
      torchvision's names but caffe's pictures, which only this tells.
  """
  every, used = _layers(module), dict(_layers(module, layers))
  conventions = _conventions(module)
  for convention in conventions:
    if names := _numbered(convention, tensors):
      break
  else:
    examples = ', '.join(c.example for c in conventions)
    raise WeightsError(
      f'no tensor is named like those of {_describe(module)} ({examples}); it '
      f'has {", ".join(sorted(tensors)[:3])} ...'
    )
  params: dict[tuple[str, ...], np.ndarray] = {}
  for number, (path, shape) in enumerate(every):
    wants = {'kernel': shape, 'bias': shape[3:]} if path in used else {}
    for kind, wanted in wants.items():
      core.require(
        (number, kind) in names,
        f'the {kind} of {"/".join(path)} is missing: it needs a tensor named '
        f'like {convention.example}, number {number} of {len(every)}',
        WeightsError,
      )
      tensor = names[number, kind]
      params[*path, kind] = _fit(tensor, tensors[tensor], wanted)
  inputs = convention.inputs
  caffe = any(mark in file for mark in ('00b39a1b', 'd01eb7cb', 'caffe'))
  if caffe and inputs == 'imagenet':
    inputs = 'bgr'
  if inputs == 'bgr':  # so that the network takes RGB
    stem = (*every[0][0], 'kernel')
    params[stem] = np.ascontiguousarray(params[stem][:, :, ::-1])
  return {
    'params': traverse_util.unflatten_dict(params),
    'constants': _constants(inputs),
  }


def _constants(inputs: str) -> dict[str, np.ndarray]:
  """Return mean and deviation of RGB in [-1, 1]."""
  mean, std = _CAFFE_BGR[::-1] / 127.5 - 1, np.full(3, 1 / 127.5)
  if inputs == 'imagenet':
    mean, std = MEAN, STD
  return {'mean': np.array(mean, np.float32), 'std': np.array(std, np.float32)}


def _layers(
  module, used: tuple[str, ...] | None = None
) -> list[tuple[tuple[str, ...], tuple[int, ...]]]:
  """Return (path in our parameters, kernel shape) in order of execution."""
  x = jax.ShapeDtypeStruct((1, 64, 64, 3), np.float32)
  init = functools.partial(module.init, layers=used)
  variables = jax.eval_shape(init, jax.random.key(0), x)
  leaves: dict[Any, Any] = traverse_util.flatten_dict(variables['params'])
  shapes = {
    path[:-1]: leaf.shape
    for path, leaf in leaves.items()
    if path[-1] == 'kernel'
  }
  return sorted(shapes.items(), key=lambda item: _execution(item[0]))


def _execution(path: tuple[str, ...]) -> tuple:
  """Return a key that sorts layers by when they run."""
  position = re.fullmatch(r'features_(\d+)', path[0])
  return (
    path[0] == 'classifier',
    int(position[1]) if position else -1,
    _FIRE.index(path[1]) if path[1:] else 0,
    path,
  )


def _conventions(module) -> list[_Convention]:
  if isinstance(module, SqueezeNet):
    return _squeezenet_conventions(module)
  is_conv = [name.startswith('conv') for name, _ in module.plan()]
  names = [name for name, _ in module.plan() if name.startswith('conv')]
  numbers = {name: number for number, name in enumerate(names)}
  # torchvision counts the ReLUs too, one behind each convolution.
  starts = [i + sum(is_conv[:i]) for i, conv in enumerate(is_conv) if conv]
  positions = {str(start): number for number, start in enumerate(starts)}

  def by_name(name):
    return numbers.get(name.replace('block', 'conv').replace('_conv', '_'))

  return [
    _Convention(
      'features.0.weight (torchvision)',
      re.compile(rf'(?:features\.)?(\d+)\.{_KIND}'),
      positions.get,
      'imagenet',
    ),
    _Convention(
      'block1_conv1.kernel (Keras)',
      re.compile(rf'(?:.*/)?(block\d_conv\d)[._/]{_KIND}(?:_\d)?'),
      by_name,
      'bgr',
    ),
    _Convention(
      'conv1_1.weight (caffe)',
      re.compile(rf'(?:.*/)?(conv\d_\d)[./]{_KIND}'),
      by_name,
      'bgr',
    ),
    _Convention(
      'conv1_1_W (caffe, its channels exchanged)',
      re.compile(rf'(conv\d_\d)_{_KIND}'),
      by_name,
      'rgb',
    ),
    _Convention(
      'vgg0_conv0_weight (ONNX zoo)',
      re.compile(rf'vgg\d+_conv(\d+)_{_KIND}'),
      _by_count(len(names)),
      'imagenet',
    ),
  ]


def _by_count(count: int) -> Callable[[str], int | None]:
  """Return a numbering that is that of the names, below a count."""
  return lambda number: int(number) if int(number) < count else None


def _squeezenet_conventions(module) -> list[_Convention]:
  ours = {
    '.'.join(path)
    .replace('features_', 'features.')
    .replace('classifier', 'classifier.1'): number
    for number, (path, _) in enumerate(_layers(module))
  }
  return [
    _Convention(
      'features.3.squeeze.weight (torchvision)',
      re.compile(
        rf'(features\.\d+(?:\.(?:squeeze|expand\dx\d))?|classifier\.1)\.{_KIND}'
      ),
      ours.get,
      'imagenet',
    ),
    _Convention(
      'squeezenet0_conv0_weight (ONNX zoo)',
      re.compile(rf'squeezenet\d+_conv(\d+)_{_KIND}'),
      _by_count(len(ours)),
      'imagenet',
    ),
  ]


def _numbered(
  convention: _Convention, tensors: Mapping[str, np.ndarray]
) -> dict[tuple[int, str], str]:
  """Return the tensors' names by (number of the convolution, kind)."""
  names = {}
  for name in tensors:
    plain = name.removeprefix('module.').removesuffix(':0')
    match = convention.pattern.fullmatch(plain)
    if match and (number := convention.number(match[1])) is not None:
      names[number, _KINDS[match[2]]] = name
  return names


def _fit(name: str, value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
  """Return the tensor as f32 of our shape, or raise naming it."""
  # 3x3x3x3 could be either; no published network has such a kernel.
  if len(shape) == 4 and value.shape == (shape[3], shape[2], *shape[:2]):
    value = value.transpose(2, 3, 1, 0)
  note = ' or its OIHW order' if len(shape) == 4 else ''
  return np.ascontiguousarray(checked(name, value, shape, note), np.float32)


def _describe(module) -> str:
  vgg = isinstance(module, VGG)
  return f'VGG-{module.depth}' if vgg else f'SqueezeNet {module.version}'
