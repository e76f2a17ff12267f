"""Checks of an algorithm's fields; each raises UserError naming the field."""

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from art_jax import core

if TYPE_CHECKING:
  from art_jax.nn.squeezenet import SqueezeNet
  from art_jax.nn.vgg import VGG

MIN_STYLE = 32  # pixels


def require(
  name: str, value: Any, holds: object, rule: str, advice: str = ''
) -> None:
  """Raise UserError, naming a field and its value, unless a rule holds.

  Args:
    name: of the field, `loss` or `denoiser.size`.
    value: of the field.
    holds: whether the rule does.
    rule: what the value has to be, e.g. 'is >= 0'.
    advice: what to do; '': pass another value.
  """
  advice = advice or f'pass --set algorithm.{name}=... with such a value'
  core.require(holds, f'algorithm.{name}={value!r}: it {rule}; {advice}')


def require_all(owner: Any, *rules: tuple[Any, ...], prefix: str = '') -> None:
  """Raise UserError for the first of a value's fields that breaks its rule.

  Args:
    owner: an algorithm or a part of it.
    rules: (name, holds, rule) or (name, holds, rule, advice), see `require`.
    prefix: of the part in the algorithm, 'stabilizers.'.
  """
  for name, holds, rule, *advice in rules:
    require(prefix + name, getattr(owner, name), holds, rule, *advice)


def require_channels(generator: Any, pictures: Any) -> None:
  """Raise UserError unless a generator makes pictures like f32[B, H, W, C]."""
  found = pictures.shape[-1]
  made = getattr(generator, 'channels', found)
  require(
    'generator.channels',
    made,
    made == found,
    f'is {found}, the channels of the data',
    f'pass --set algorithm.generator.channels={found}, or --set '
    f'data.channels={made}',
  )


def require_one_of(name: str, value: Any, allowed: Collection[str]) -> None:
  """Raise UserError unless a value is one of those allowed."""
  require(
    name,
    value,
    value in allowed,
    f'is one of {", ".join(allowed)}',
    f'pass --set algorithm.{name}={next(iter(allowed))}',
  )


def require_layers(
  features: 'VGG | SqueezeNet',
  layers: Sequence[str],
  style_layers: Sequence[str],
  style_weights: Sequence[float],
) -> None:
  """Raise UserError unless the layers exist and each style layer has a weight.

  Args:
    features: the network.
    layers: all that the losses read.
    style_layers: those of the style.
    style_weights: one for each of them.
  """
  require(
    'style_weights',
    style_weights,
    len(style_layers) == len(style_weights),
    f'has one for each of algorithm.style_layers={style_layers}',
    f'pass {len(style_layers)} numbers',
  )
  require('style_layers', style_layers, bool(layers), 'names a layer')
  require_known_layers(features, layers)


def require_weights(owner: Any, *names: str) -> None:
  """Raise UserError unless the weights of these terms are finite and >= 0."""
  for name in names:
    value = getattr(owner, name)
    weights = value if isinstance(value, tuple) else (value,)
    holds = all(0 <= weight < math.inf for weight in weights)
    require(name, value, holds, 'is >= 0 and finite')


def require_shares(blend: Sequence[float]) -> None:
  """Raise UserError unless shares are >= 0 and one of them more; (): none."""
  require(
    'blend',
    blend,
    not blend or (min(blend) >= 0 and 0 < sum(blend) < math.inf),
    'holds shares; shares are >= 0, and one of them more',
  )


def require_sizes(painter: Any) -> None:
  """Raise UserError unless scales and paintings have sizes.

  Args:
    painter: an algorithm with `coarse_size` and `style_scale`.
  """
  require_all(
    painter,
    ('coarse_size', painter.coarse_size >= 0, 'is >= 0 pixels (0: one scale)'),
    ('style_scale', 0 < painter.style_scale < math.inf, 'is > 0 and finite'),
  )


def require_known_layers(
  features: 'VGG | SqueezeNet', layers: Sequence[str]
) -> None:
  """Raise UserError unless the network has all these layers."""
  known = features.layer_names()
  for name in layers:
    core.require(
      name in known,
      f'algorithm has the layer {name!r}: {type(features).__name__} has '
      f'{", ".join(known)}',
    )


def require_style_size(size: int) -> None:
  """Raise UserError unless a painting's longest side is large enough."""
  require(
    'style_size', size, size >= MIN_STYLE, f'is at least {MIN_STYLE} pixels'
  )
