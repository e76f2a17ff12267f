"""DCGAN networks under the names of the PyTorch DCGAN tutorial.

Both are one `nn.Sequential` called `main`: the generator's convolutions stand
at 0, 3, 6, ... and its norms behind them; the discriminator has no norm behind
the first, so its convolutions stand at 0, 2, 5, 8, ...
"""

import itertools
from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from art_jax import core
from art_jax.nn.dcgan import DCGANDiscriminator, DCGANGenerator
from art_jax.nn.ladder import SIZES, sides, widths
from art_jax.weights.files import WeightsError
from art_jax.weights.state_dict import (
  Layer,
  Tensors,
  discriminator,
  in_channels,
  need,
  norm_of,
)

FIRST = 'main.0.weight'
_SIDES = {len(sides(size)): size for size in sorted(SIZES, reverse=True)}


def layers_of(
  module: DCGANGenerator | DCGANDiscriminator, params: Mapping[str, Any]
) -> list[Layer]:
  """List the layers of a generator or discriminator; params are ours.

  Raises:
    WeightsError: if the tutorial has no such network.
  """
  core.require(
    module.norm != 'none',
    "norm = 'none': the names of the tutorial want a norm in its place",
    WeightsError,
  )
  if isinstance(module, DCGANGenerator):
    core.require(
      module.upsample == 'transpose',
      f'upsample = {module.upsample!r}: the tutorial has transposed ones',
      WeightsError,
    )
    return _generator(module)
  count = sum(name.startswith('conv_') for name in params)
  return _discriminator(module, count, in_channels(params, 'conv_0'))


def _generator(module: DCGANGenerator) -> list[Layer]:
  count = len(sides(module.size))
  plan = widths(module.width, count - 1, module.max_width)[::-1]
  channels = [module.latent_size, *plan, module.channels]
  return [
    Layer(
      f'main.{3 * i}.',
      (f'deconv_{i}',),
      inp,
      out,
      4,
      transposed=True,
      bias=False,
      norm='none' if i == len(plan) else module.norm,
      norm_prefix=f'main.{3 * i + 1}.',
      norm_path=(f'norm_{i}',),
    )
    for i, (inp, out) in enumerate(itertools.pairwise(channels))
  ]


def _discriminator(
  module: DCGANDiscriminator, count: int, channels: int
) -> list[Layer]:
  plan = [channels, *widths(module.width, count, module.max_width), 1]
  return discriminator('main', plan, 4, module.norm, [False] * len(plan))


def infer(tensors: Tensors) -> tuple[nn.Module, list[Layer]]:
  """Find the generator or discriminator that the tensors describe.

  128 and 150 px have the same tensors: 128 is taken.

  Raises:
    WeightsError: naming the tensor that does not fit.
  """
  first = need(tensors, FIRST, '[out, in, 4, 4] (or [in, out, 4, 4])', 4)
  count = sum(value.ndim == 4 for value in tensors.values())
  core.require(
    count in _SIDES,
    f'{count} convolutions main.N.weight: DCGAN networks have '
    f'{", ".join(map(str, sorted(_SIDES)))}',
    WeightsError,
  )
  if 'main.2.weight' in tensors:
    names = [f'main.{max(3 * i - 1, 0)}.weight' for i in range(count - 1)]
    plan = [need(tensors, n, '[out, in, 4, 4]', 4).shape[0] for n in names]
    module = DCGANDiscriminator(
      width=plan[0], max_width=_limit(plan), norm=norm_of(tensors, 'main.3.')
    )
    return module, _discriminator(module, count - 1, first.shape[1])
  outs = [
    need(tensors, f'main.{3 * i}.weight', '[in, out, 4, 4]', 4).shape[1]
    for i in range(count)
  ]
  plan = outs[-2::-1]
  module = DCGANGenerator(
    size=_SIDES[count],
    channels=outs[-1],
    width=plan[0],
    max_width=_limit(plan),
    latent_size=first.shape[0],
    norm=norm_of(tensors, 'main.1.'),
  )
  return module, _generator(module)


def _limit(plan: list[int]) -> int | None:
  """Return where the doubling of the widths stops, None if nowhere."""
  doubling = all(b == 2 * a for a, b in zip(plan, plan[1:], strict=False))
  return None if doubling else max(plan)
