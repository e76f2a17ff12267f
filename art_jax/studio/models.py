"""What the worker's tasks begin with: models of runs, and uploads decoded."""

import collections
import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

from PIL import Image

from art_jax import core
from art_jax.config import experiments
from art_jax.data import decode
from art_jax.inference import run as runs
from art_jax.studio import pictures

MAX_PIXELS = 50_000_000  # of an upload
_KEPT = 2  # loaded models
_loaded: collections.OrderedDict[tuple, runs.Run] = collections.OrderedDict()


def load(values: Mapping[str, Any]) -> runs.Run:
  """Return the model of a request, with its changed fields.

  Raises:
    core.UserError: there is no such checkpoint, or it is damaged.
  """
  path, checkpoint = values['path'], values['checkpoint']
  files = pathlib.Path(path, 'checkpoints')
  steps = [p.name for p in files.glob('*') if p.name.isdecimal()]
  key = path, checkpoint, max(map(int, steps), default=0)
  if key not in _loaded:
    _loaded[key] = runs.load(path, checkpoint)
    while len(_loaded) > _KEPT:
      _loaded.popitem(last=False)
  _loaded.move_to_end(key)
  return _changed(_loaded[key], values.get('fields') or {})


def _changed(model: runs.Run, fields: Mapping[str, float]) -> runs.Run:
  """Return a model with numbers changed that act when it is used."""
  known = core.inference_fields(model.algorithm)
  for name in fields:
    core.require(
      name in known,
      f'{name}: it does not act when a trained '
      f'{type(model.algorithm).__name__} is used; these do: '
      f'{", ".join(known) or "none"}',
    )
  assignments = [f'algorithm.{name}={value}' for name, value in fields.items()]
  if not assignments:
    return model
  changed = experiments.override(model.experiment, assignments)
  return dataclasses.replace(model, experiment=changed)


def opened(data: bytes) -> Image.Image:
  """Return an uploaded picture, upright, in RGB.

  Raises:
    core.UserError: it is no picture, or too large.
  """
  width, height = decode.size_of(data)
  pictures.require_pixels(width, height, MAX_PIXELS)
  return decode.read(data).image.convert('RGB')
