"""What a browser asks for, checked field by field before anything uses it."""

import json
import re
import sys
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from art_jax import core

MAX_JSON = 2**16  # bytes
MAX_COUNT = 64  # pictures of one request
_MAX_SEED = 2**31 - 1
_CHECKPOINT = re.compile(r'latest|best|\d{1,12}', re.ASCII)
_WORD = re.compile(r'[\w.:-]{0,64}', re.ASCII)
_COLOR = re.compile(r'#[0-9a-fA-F]{6}', re.ASCII)
_STUDIES = ('interpolate', 'classes')
_MAX_FRAMES = 480
_QUALITIES = ('full', 'fast')
STYLIZERS = (  # experiments that optimize the pixels of one picture
  *('style_transfer', 'style_transfer_nnst', 'style_transfer_mrf'),
  'style_transfer_squeezenet',
)


class TooLargeError(core.UserError):
  """A body has more bytes than are taken."""


async def body(request: Request, most: int) -> bytes:
  """Return the body of a request; more than `most` bytes are never held.

  Raises:
    TooLargeError: there are more.
  """
  told = request.headers.get('content-length', '0')
  wrong = f'more than {most:,} bytes were sent; this is the most'
  if not told.isdecimal() or int(told) > most:
    raise TooLargeError(wrong)
  parts, count = [], 0
  async for part in request.stream():
    count += len(part)
    if count > most:
      raise TooLargeError(wrong)
    parts.append(part)
  return b''.join(parts)


async def fields(request: Request) -> dict[str, Any]:
  """Return the JSON object of a body.

  Raises:
    core.UserError: it is none.
  """
  try:
    value = json.loads(await body(request, MAX_JSON))
  except (ValueError, RecursionError) as error:
    if isinstance(error, core.UserError):
      raise
    raise core.UserError('the body is not JSON') from None
  core.require(isinstance(value, dict), 'the body is not a JSON object')
  return value


def whole(
  values: Mapping[str, Any], name: str, default: int, low: int, high: int
) -> int:
  """Return a whole number within a range."""
  value = values.get(name, default)
  core.require(
    type(value) is int and low <= value <= high,
    f'{name}={value!r:.60}: it is a whole number in {low}..{high}',
  )
  return value


def query_number(request: Request, name: str, default: int) -> int:
  """Return a whole number >= 0 of an address, or the default.

  Raises:
    core.UserError: it is none.
  """
  text = request.query_params.get(name)
  if text is None:
    return default
  core.require(
    text.isascii() and text.isdecimal() and len(text) < 12,
    f'{name}={text[:40]!r}: it is a whole number',
  )
  return int(text)


def number(
  values: Mapping[str, Any], name: str, default: float, low: float, high: float
) -> float:
  """Return a number within a range."""
  value = values.get(name, default)
  core.require(
    type(value) in (int, float) and low <= value <= high,
    f'{name}={value!r:.60}: it is a number in {low:g}..{high:g}',
  )
  return float(value)


def word(values: Mapping[str, Any], name: str, default: str = '') -> str:
  """Return a short name of letters, digits and '_.:-'."""
  value = values.get(name, default)
  core.require(
    isinstance(value, str) and _WORD.fullmatch(value),
    f'{name}={value!r:.60}: it is a short name',
  )
  return value


def model(values: Mapping[str, Any]) -> dict[str, Any]:
  """Return what chooses a model: the checkpoint, and fields to change."""
  checkpoint = word(values, 'checkpoint', 'latest')
  core.require(
    _CHECKPOINT.fullmatch(checkpoint),
    f'checkpoint={checkpoint!r}: it is latest, best or a step',
  )
  changed = values.get('fields') or {}
  core.require(isinstance(changed, dict), 'fields: it is an object')
  for name, value in changed.items():
    core.require(
      type(value) in (int, float) and _is_finite(value),
      f'fields: {name[:60]!r} is a number',
    )
  steps = checkpoint if not checkpoint.isdecimal() else int(checkpoint)
  return {'checkpoint': steps, 'fields': changed}


def sample(values: Mapping[str, Any]) -> dict[str, Any]:
  """Return what makes pictures of seeds."""
  return {
    **model(values),
    'task': 'sample',
    'seed': whole(values, 'seed', 0, 0, _MAX_SEED - MAX_COUNT),
    'count': whole(values, 'count', 8, 1, MAX_COUNT),
    'truncation': number(values, 'truncation', 1.0, 0.0, 1.0),
    'label': _label(values.get('label')),
    'attributes': _attributes(values.get('attributes') or {}),
  }


def show(values: Mapping[str, Any]) -> dict[str, Any]:
  """Return what a walk or a sheet by class is made of."""
  study = word(values, 'study')
  core.require(
    study in _STUDIES, f'study={study!r}: it is one of {", ".join(_STUDIES)}'
  )
  given = values.get('labels') or []
  core.require(isinstance(given, list), 'labels: it is a list')
  frames = whole(values, 'frames', 96, 2, _MAX_FRAMES)
  return {
    **model(values),
    'task': 'show',
    'study': study,
    'seed': whole(values, 'seed', 0, 0, _MAX_SEED),
    'count': whole(values, 'count', 4, 1, 12),
    'frames': frames,
    'labels': [_label(one) for one in given[:MAX_COUNT]],
  }


def paint(values: Mapping[str, Any]) -> dict[str, Any]:
  """Return how a picture is painted."""
  quality = word(values, 'quality', 'full')
  core.require(
    quality in _QUALITIES,
    f'quality={quality!r}: it is one of {", ".join(_QUALITIES)}',
  )
  return {
    **model(values),
    'task': 'paint',
    'quality': quality,
    'size': whole(values, 'size', 512, 64, 2048),
    'num_sources': whole(values, 'num_sources', 1, 1, 4),
    'variation': whole(values, 'variation', 0, 0, 100),
    'seed': whole(values, 'seed', 0, 0, _MAX_SEED),
  }


def stylize(values: Mapping[str, Any]) -> dict[str, Any]:
  """Return how a photo is stylized."""
  name = word(values, 'experiment', STYLIZERS[0])
  core.require(
    name in STYLIZERS,
    f'experiment={name!r}: it is one of {", ".join(STYLIZERS)}',
  )
  return {
    'task': 'stylize',
    'experiment': name,
    'size': whole(values, 'size', 256, 64, 1024),
    'steps': whole(values, 'steps', 0, 0, 1000),
    'content': number(values, 'content', 1.0, 0.0, 100.0),
    'seed': whole(values, 'seed', 0, 0, _MAX_SEED),
  }


def _is_finite(value: float) -> bool:
  """Tell whether a number is a float's; an integer may be larger than any."""
  return abs(value) <= sys.float_info.max


def _label(value: Any) -> str | None:
  core.require(
    value is None or (isinstance(value, str) and len(value) <= 200),
    f'label={value!r:.60}: it is the name or the number of a class',
  )
  return value


def _attributes(values: Any) -> dict[str, Any]:
  core.require(isinstance(values, dict), 'attributes: it is an object')
  for name, value in values.items():
    finite = isinstance(value, int | float) and _is_finite(value)
    color = isinstance(value, str) and _COLOR.fullmatch(value)
    core.require(
      value is None or finite or color,
      f'attributes: {name[:60]!r} is a number, or a color such as #8090a0',
    )
  return values
