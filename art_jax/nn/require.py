"""Checks that networks share; each raises ValueError, naming value and rule."""

from typing import Any

from flax import linen as nn


def at_least(module: nn.Module, **limits: int) -> None:
  """Require fields of a module to be at least what is given."""
  for name, least in limits.items():
    value = getattr(module, name)
    if value < least:
      raise ValueError(f'{name} = {value}: must be >= {least}')


def one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
  """Require a value to be one of those allowed."""
  if value not in allowed:
    raise ValueError(f'{name} = {value!r}: must be one of {", ".join(allowed)}')


def rate(name: str, value: float) -> None:
  """Require a share of values to be in [0, 1)."""
  if not 0 <= value < 1:
    raise ValueError(f'{name} = {value}: must be in [0, 1)')


def images(shape: tuple[int, ...], channels: int | None = None) -> None:
  """Require the shape [B, H, W, C], of so many channels if they are given."""
  if len(shape) != 4 or channels not in (None, shape[-1]):
    raise ValueError(
      f'x has shape {shape}: expected [B, H, W, {channels or "C"}]'
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
    if n % multiple or n < least:
      raise ValueError(
        f'image {name} {n}: {reason}must be a multiple of {multiple} and at '
        f'least {least}; pad the image before and crop the result'
      )
