"""ResNet generators of CycleGAN and CUT in PyTorch: their layers by name.

All known files are `state_dict`s of one `nn.Sequential` called `model`, whose
positions count the padding, activation and norm layers too:

  1 stem, 4 and 7 down, 10... blocks, then up, up and the last convolution.

Inside a block the convolutions stand at 1 and 5 (6 where a dropout layer stands
between), under `conv_block` (junyanz/pytorch-CycleGAN-and-pix2pix) or `block`
(forks). An affine norm follows its convolution at the next position. The blurs
of CUT are modules too, whose constant kernels (`model.7.filt`) are ignored:

  1 stem, 4 and 8 down, 12... blocks, then up, up and the last convolution.
"""

import re
from collections.abc import Mapping
from typing import Any

from art_jax import core
from art_jax.nn.resnet_generator import ResnetGenerator
from art_jax.weights.files import WeightsError
from art_jax.weights.state_dict import (
  Layer,
  Tensors,
  in_channels,
  need,
  norm_of,
)

FIRST = 'model.1.weight'
# Modules before the convolution of a doubling: upsample and pad, or upsample.
_BEFORE = {'transpose': 0, 'blur': 1, 'resize': 2}
_NAME = re.compile(r'model\.(\d+)\.(?:(conv_block|block)\.(\d+)\.)?(\w+)')


def layers_of(
  generator: ResnetGenerator, params: Mapping[str, Any]
) -> list[Layer]:
  """List the layers under the names of junyanz's code; params are ours.

  Raises:
    WeightsError: if that code has no such network.
  """
  core.require(
    generator.halvings == 2 and generator.norm != 'none',
    f'halvings = {generator.halvings}, norm = {generator.norm!r}: the '
    'upstream names are for 2 halvings with norms',
    WeightsError,
  )
  return _layers(generator, in_channels(params, 'stem'), 'conv_block')


def _layers(
  generator: ResnetGenerator, channels: int, block: str
) -> list[Layer]:
  width, norm = generator.width, generator.norm

  def layer(prefix, path, inp, out, size=3, transposed=False, last=False):
    """Return a convolution; its norm follows at the next position."""
    root, position = prefix.rsplit('.', 1)
    name = path[-1].replace('conv', 'norm')
    return Layer(
      f'{prefix}.',
      path,
      inp,
      out,
      size,
      transposed,
      bias=last or norm != 'batch',
      norm='none' if last else norm,
      norm_prefix=f'{root}.{int(position) + 1}.',
      norm_path=(*path[:-1], name if path[1:] else f'{name}_norm'),
    )

  transposed = generator.upsample == 'transpose'
  blurs = int(generator.downsample == 'blur')
  extra = _BEFORE[generator.upsample]
  first = 10 + 2 * blurs
  up = first + generator.blocks + extra
  return [
    layer('model.1', ('stem',), channels, width, 7),
    layer('model.4', ('down_0',), width, 2 * width),
    layer(f'model.{7 + blurs}', ('down_1',), 2 * width, 4 * width),
    *(
      layer(
        f'model.{first + i}.{block}.{inner}',
        (f'block_{i}', f'conv_{j}'),
        4 * width,
        4 * width,
      )
      for i in range(generator.blocks)
      for j, inner in enumerate((1, 6 if generator.dropout else 5))
    ),
    layer(f'model.{up}', ('up_0',), 4 * width, 2 * width, 3, transposed),
    layer(
      f'model.{up + 3 + extra}', ('up_1',), 2 * width, width, 3, transposed
    ),
    layer(
      f'model.{up + 7 + extra}',
      ('head',),
      width,
      generator.channels,
      7,
      last=True,
    ),
  ]


def infer(tensors: Tensors) -> tuple[ResnetGenerator, list[Layer]]:
  """Find the member of the family that the tensors describe.

  Raises:
    WeightsError: naming the tensor that does not fit.
  """
  stem = need(tensors, FIRST, '[width, channels, 7, 7]', 4)
  matches = {name: _NAME.fullmatch(name) for name in tensors}
  for name, match in matches.items():
    core.require(
      match,
      f"unknown tensor '{name}', expected model.N.weight and the like of a "
      'ResNet generator',
      WeightsError,
    )
  inner = [match for match in matches.values() if match and match[2]]
  blocks = len({m[1] for m in inner})
  block = inner[0][2] if inner else 'conv_block'
  width = stem.shape[0]
  second = tensors.get('model.8.weight')  # else a norm, if any
  blurred = second is not None and second.ndim == 4
  first = 12 if blurred else 10
  upsample = next(
    (
      name
      for name, extra in _BEFORE.items()
      if f'model.{first + blocks + extra}.weight' in tensors
    ),
    'resize',
  )
  head = f'model.{first + blocks + 7 + 2 * _BEFORE[upsample]}.weight'
  channels = need(tensors, head, f'[channels, {width}, 7, 7]', 4).shape[0]
  norm = norm_of(tensors, 'model.2.')
  inside = tensors.get(f'model.{first}.{block}.6.weight')
  dropout = 0.5 * (inside is not None and inside.ndim == 4)
  generator = ResnetGenerator(
    width,
    blocks,
    channels,
    norm,
    upsample,
    dropout,
    downsample='blur' if blurred else 'stride',
  )
  return generator, _layers(generator, stem.shape[1], block)
