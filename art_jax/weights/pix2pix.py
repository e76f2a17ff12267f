"""pix2pix under the names of junyanz/pytorch-CycleGAN-and-pix2pix.

The U-Net is nested: every level is a Sequential called `model` that holds the
next level, between its halving and its doubling, so the innermost convolution
of 8 levels is `model.model.1.model.3.model.3. ... .model.1.weight`. The
discriminators are flat: PatchGAN is `model.0, .2, .5, .8, .11`, PixelGAN is
`net.0, .2, .5`; CycleGAN has the same ones.
"""

from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from art_jax import core
from art_jax.nn.patchgan import PatchGAN
from art_jax.nn.unet import UNet
from art_jax.weights.files import WeightsError
from art_jax.weights.state_dict import (
  Layer,
  Tensors,
  discriminator,
  in_channels,
  need,
  norm_of,
)

FIRST_UNET = 'model.model.0.weight'
FIRST_PATCH = 'model.0.weight'
FIRST_PIXEL = 'net.0.weight'


def layers_of(
  module: UNet | PatchGAN, params: Mapping[str, Any]
) -> list[Layer]:
  """List the layers of a U-Net or PatchGAN; params are ours.

  Raises:
    WeightsError: if that code has no such network.
  """
  core.require(
    module.norm != 'none',
    "norm = 'none': the upstream names want a norm",
    WeightsError,
  )
  if isinstance(module, UNet):
    core.require(
      module.upsample == 'transpose',
      f"upsample = {module.upsample!r}: the upstream names are for 'transpose'",
      WeightsError,
    )
    return _unet(module, in_channels(params, 'down_0'))
  core.require(
    module.downsample == 'stride',
    f"downsample = {module.downsample!r}: the upstream names are for 'stride'",
    WeightsError,
  )
  return _patchgan(module, in_channels(params, 'conv_0'))


def _unet(module: UNet, channels: int) -> list[Layer]:
  widths = [module.width * min(2**i, 8) for i in range(module.levels)]
  bias, last, prefix = module.norm != 'batch', module.levels - 1, 'model.model.'
  downs, ups = [], []
  for depth, features in enumerate(widths):
    outer, inner, name = depth == 0, depth == last, f'up_{last - depth}'
    down, up = (0, 3) if outer else (1, 3 if inner else 5)
    downs.append(
      Layer(
        f'{prefix}{down}.',
        (f'down_{depth}',),
        channels if outer else widths[depth - 1],
        features,
        4,
        bias=bias,
        norm='none' if outer or inner else module.norm,
        norm_prefix=f'{prefix}{down + 1}.',
        norm_path=(f'down_{depth}_norm',),
      )
    )
    ups.append(
      Layer(
        f'{prefix}{up}.',
        ('head',) if outer else (name,),
        # But for the innermost, the input is what came up and the skip.
        features * (2 - inner),
        module.channels if outer else widths[depth - 1],
        4,
        transposed=True,
        bias=outer or bias,
        norm='none' if outer else module.norm,
        norm_prefix=f'{prefix}{up + 1}.',
        norm_path=(f'{name}_norm',),
      )
    )
    prefix += '1.model.' if outer else '3.model.'
  return [*downs, *ups[::-1]]


def _patchgan(module: PatchGAN, channels: int) -> list[Layer]:
  pixel, bias = module.layers == 0, module.norm != 'batch'
  count = 2 if pixel else module.layers + 1
  plan = [module.width * min(2**i, 8) for i in range(count)]
  return discriminator(
    'net' if pixel else 'model',
    [channels, *plan, 1],
    1 if pixel else 4,
    module.norm,
    [True, *[bias] * (count - 1), bias or not pixel],
  )


def infer(tensors: Tensors) -> tuple[nn.Module, list[Layer]]:
  """Find the U-Net, PatchGAN or PixelGAN that the tensors describe.

  A U-Net comes without dropout: the file does not say where there was any.

  Raises:
    WeightsError: naming the tensor that does not fit.
  """
  count = sum(value.ndim == 4 for value in tensors.values())
  if FIRST_UNET in tensors:
    first = need(tensors, FIRST_UNET, '[width, channels, 4, 4]', 4)
    head = 'model.model.3.weight'
    channels = need(tensors, head, '[2 width, channels, 4, 4]', 4).shape[1]
    core.require(
      count % 2 == 0 and count >= 4,
      f'{count} convolutions below model.model: a U-Net has an even number',
      WeightsError,
    )
    module = UNet(
      width=first.shape[0],
      levels=count // 2,
      channels=channels,
      norm=norm_of(tensors, f'model.model.1.model.{4 if count == 4 else 6}.'),
      dropout=0.0,
    )
    return module, _unet(module, first.shape[1])
  pixel = FIRST_PIXEL in tensors
  first = need(
    tensors,
    FIRST_PIXEL if pixel else FIRST_PATCH,
    f'[width, channels, {"1, 1" if pixel else "4, 4"}]',
    4,
  )
  core.require(
    pixel == (count == 3) and count <= 8,
    f'{count} convolutions: a PixelGAN (net.N) has 3, a PatchGAN (model.N) '
    'has 4 to 8',
    WeightsError,
  )
  module = PatchGAN(
    width=first.shape[0],
    layers=0 if pixel else count - 2,
    norm=norm_of(tensors, 'net.3.' if pixel else 'model.3.'),
  )
  return module, _patchgan(module, first.shape[1])
