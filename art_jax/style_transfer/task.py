"""What to paint and how large, from what a user passes."""

import os
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from art_jax import core
from art_jax.config import experiments
from art_jax.data import decode, paintings
from art_jax.media import images
from art_jax.style_transfer import optimize

# An array u8[H, W, C] or f32[H, W, C] in [-1, 1], a file, or 'builtin:3'.
Picture = Image.Image | np.ndarray | str | os.PathLike


def task(
  content: Picture,
  styles: Sequence[Picture],
  masks: Sequence[Picture] = (),
  start: Picture | None = None,
) -> optimize.Task:
  """Return the task with its pictures read; see `optimize.Task`.

  Raises:
    core.UserError: naming the flag and the picture that cannot be read.
  """
  return optimize.Task(
    picture('content', content),
    tuple(picture('style', one) for one in styles),
    tuple(picture('mask', one).convert('L') for one in masks),
    None if start is None else picture('start', start),
  )


def picture(flag: str, value: Picture) -> Image.Image:
  """Return a picture in mode 'RGB'.

  Args:
    flag: 'content', 'style', 'mask' or 'start'.
    value: the picture, its file, or a built-in one: `builtin`, `builtin:7`, a
      photo as content and a painting as anything else.

  Raises:
    core.UserError: there is no such file, or it is no picture.
  """
  if isinstance(value, np.ndarray):
    value = _from_array(flag, value)
  if isinstance(value, Image.Image):
    return value.convert('RGB')
  kind, _, number = str(value).partition(':')
  if kind == 'builtin' and (number.isdigit() or not number):
    return paintings.scene(int(number or 0), photo=flag == 'content')
  path = pathlib.Path(value).expanduser()
  if not path.is_file():
    raise core.UserError(
      f'--{flag}={value}: there is no such file; pass a picture, or builtin'
    )
  image = decode.picture(path)
  count = decode.num_frames(path)
  if count > 1:
    print(
      f'--{flag}={value}: an animation of {count} pictures; the first is used',
      file=sys.stderr,
    )
  return image.convert('RGB')


def sized(
  experiment: core.Experiment, size: int | None, steps: int | None
) -> core.Experiment:
  """Return the experiment at another size, or with other numbers of steps.

  Args:
    experiment: of an algorithm that optimizes pixels.
    size: longest side in pixels; None: its own.
    steps: at each scale; None: its own.
  """
  optimize.check_algorithm(experiment.algorithm)
  changes: dict[str, Any] = {'data.size': size, 'train.duration': steps}
  assignments = [f'{k}={v}' for k, v in changes.items() if v is not None]
  # Boundaries of schedules follow the number of steps.
  return experiments.resolve(
    experiments.override(experiment, assignments), num_examples=1
  )


def _from_array(flag: str, array: np.ndarray) -> Image.Image:
  if array.ndim == 2:
    array = array[..., None]
  if array.ndim != 3 or array.shape[-1] not in (1, 3):
    raise core.UserError(
      f'{flag} of shape {array.shape}: pass one picture [H, W, 3] or [H, W, 1]'
    )
  if array.dtype == bool:
    array = array.astype(np.uint8) * 255
  elif array.dtype != np.uint8:
    array = images.to_uint8(array)
  return Image.fromarray(np.broadcast_to(array, (*array.shape[:2], 3)).copy())
