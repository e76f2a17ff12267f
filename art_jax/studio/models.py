"""What the worker's tasks begin with: models of runs, and uploads decoded."""

import collections
import contextlib
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
_MODEL = 'config.txt', 'model.safetensors'  # of a published one
_loaded: collections.OrderedDict[tuple, runs.Run] = collections.OrderedDict()


def load(values: Mapping[str, Any]) -> runs.Run:
  """Return the model of a request, with its changed fields.

  Raises:
    core.UserError: there is no such checkpoint, or it is damaged.
  """
  path, checkpoint = values['path'], values['checkpoint']
  files = pathlib.Path(path, 'checkpoints')
  steps = (p.name for p in files.glob('*') if p.name.isdecimal())
  newest = files / max(steps, key=int, default='')
  key = path, checkpoint, _written(newest, path)
  if key not in _loaded:
    _loaded[key] = runs.load(path, checkpoint)
    while len(_loaded) > _KEPT:
      _loaded.popitem(last=False)
  _loaded.move_to_end(key)
  return _changed(_loaded[key], values.get('fields') or {})


def _written(checkpoint: pathlib.Path, run: str) -> tuple[tuple[int, ...], ...]:
  """Return what tells a model from one that took its place.

  A run that was removed and trained anew may have the same steps.
  """
  written = []
  for path in (checkpoint, *(pathlib.Path(run, name) for name in _MODEL)):
    with contextlib.suppress(OSError):
      status = path.stat()
      written.append((status.st_ino, status.st_mtime_ns, status.st_size))
  return tuple(written)


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
