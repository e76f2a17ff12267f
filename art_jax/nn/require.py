"""Checks that networks share; each raises ValueError, naming value and rule."""

from typing import Any

from flax import linen as nn


def holds(condition: object, message: str) -> None:
  """Require a condition; the message names value and rule."""
  if not condition:
    raise ValueError(message)


def at_least(module: nn.Module, **limits: int) -> None:
  """Require fields of a module to be at least what is given."""
  for name, least in limits.items():
    value = getattr(module, name)
    holds(value >= least, f'{name} = {value}: must be >= {least}')


def one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
  """Require a value to be one of those allowed."""
  holds(
    value in allowed, f'{name} = {value!r}: must be one of {", ".join(allowed)}'
  )


def rate(name: str, value: float) -> None:
  """Require a share of values to be in [0, 1)."""
  holds(0 <= value < 1, f'{name} = {value}: must be in [0, 1)')


def images(shape: tuple[int, ...], channels: int | None = None) -> None:
  """Require the shape [B, H, W, C], of so many channels if they are given."""
  holds(
    len(shape) == 4 and channels in (None, shape[-1]),
    f'x has shape {shape}: expected [B, H, W, {channels or "C"}]',
  )


def multiples(
  shape: tuple[int, ...], multiple: int, least: int, reason: str = ''
) -> None:
  """Require height and width to be multiples of a number.

  Args:
    shape: [B, H, W, C].
    multiple: of which both are multiples.
    least: the smallest height and width.
    reason: why, as the middle of the message.
  """
  for name, n in (('height', shape[1]), ('width', shape[2])):
    holds(
      n % multiple == 0 and n >= least,
      f'image {name} {n}: {reason}must be a multiple of {multiple} and at '
      f'least {least}; pad the image before and crop the result',
    )
