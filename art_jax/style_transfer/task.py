"""What to paint and how large, from what a user passes."""

import dataclasses
import math
import os
import pathlib
import sys
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from art_jax import core
from art_jax.config import experiments
from art_jax.data import bit_depth, decode, paintings
from art_jax.media import images
from art_jax.style_transfer import tiles

MIN_SIDE = 32  # of a picture; below it the deepest layers vanish
# An array u8[H, W, C] or f32[H, W, C] in [-1, 1], a file, or 'builtin:3'.
Picture = Image.Image | np.ndarray | str | os.PathLike


@dataclasses.dataclass(frozen=True)
class Task:
  """What to paint: pictures in mode 'RGB', masks in mode 'L'.

  Attributes:
    content: the photo.
    styles: the paintings.
    masks: of each painting, where it applies (white), as large as the content;
      () everywhere.
    start: picture to start from; None: what the algorithm says.
  """

  content: Image.Image
  styles: tuple[Image.Image, ...]
  masks: tuple[Image.Image, ...] = ()
  start: Image.Image | None = None


def read_task(
  content: Picture,
  styles: Sequence[Picture],
  masks: Sequence[Picture] = (),
  start: Picture | None = None,
) -> Task:
  """Return the task with its pictures read; see `Task`.

  Raises:
    core.UserError: naming the flag and the picture that cannot be read.
  """
  return Task(
    picture('content', content),
    tuple(picture('style', one) for one in styles),
    tuple(picture('mask', one).convert('L') for one in masks),
    None if start is None else picture('start', start),
  )


def picture(flag: str, value: Picture) -> Image.Image:
  """Return a picture in mode 'RGB'.

  Args:
    flag: 'content', 'style', 'mask' or 'start'. What is transparent is black
      in a mask, white in another picture.
    value: the picture, its file, or a built-in one: `builtin`, `builtin:7`, a
      photo as content and a painting as anything else.

  Raises:
    core.UserError: there is no such file, or it is no picture.
  """
  background = 'black' if flag == 'mask' else 'white'
  if isinstance(value, np.ndarray):
    value = _from_array(flag, value)
  if isinstance(value, Image.Image):
    return _opaque(value, background)
  kind, _, number = str(value).partition(':')
  if kind == 'builtin' and (number.isdecimal() or not number):
    return paintings.scene(int(number or 0), photo=flag == 'content')
  path = pathlib.Path(value).expanduser()
  core.require(
    path.is_file(),
    f'--{flag}={value}: there is no such file; pass a picture, or builtin',
  )
  image = decode.picture(path, background=background)
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
  painter_of(experiment)
  changes = {'data.size': size, 'train.duration': steps}
  assignments = [f'{k}={v}' for k, v in changes.items() if v is not None]
  # Boundaries of schedules follow the number of steps.
  return experiments.resolve(
    experiments.override(experiment, assignments), num_examples=1
  )


def _opaque(image: Image.Image, background: str) -> Image.Image:
  alpha = bit_depth.opacity(image, None)
  if alpha is not None:
    image = bit_depth.over(background, bit_depth.plain(image), alpha)
  return image.convert('RGB')


def _from_array(flag: str, array: np.ndarray) -> Image.Image:
  """Return [H, W], or [H, W, 1 or 3]: bool, u8 or float, as a picture."""
  if array.ndim == 2:
    array = array[..., None]
  core.require(
    array.ndim == 3 and array.shape[-1] in (1, 3),
    f'{flag} of shape {array.shape}: pass one picture [H, W, 3] or [H, W, 1]',
  )
  if array.dtype == bool:
    array = array.astype(np.uint8) * 255
  elif array.dtype != np.uint8:
    array = images.to_uint8(array)
  return Image.fromarray(np.broadcast_to(array, (*array.shape[:2], 3)).copy())


def painter_of(experiment: core.Experiment) -> core.PaintsOnePicture:
  """Return the algorithm of an experiment that optimizes pixels.

  Raises:
    core.UserError: it is another algorithm.
  """
  algorithm = experiment.algorithm
  if not isinstance(algorithm, core.PaintsOnePicture):
    raise core.UserError(
      f'{type(algorithm).__name__} does not paint by optimizing pixels; use '
      'style_transfer, or `art_jax translate` for a trained model'
    )
  return algorithm


def scales(algorithm: core.PaintsOnePicture, size: int) -> list[int]:
  """Return the longest sides of the scales, ending at `size`."""
  if not algorithm.coarse_size:
    return [size]
  ratio = algorithm.scale_ratio
  count = round(math.log(size / algorithm.coarse_size, ratio))
  return [round(size / ratio**i) for i in range(max(count, 0), -1, -1)]


def style_shape(
  algorithm: core.PaintsOnePicture,
  style: Image.Image,
  longest: int,
  unit: int = 1,
) -> tuple[int, int]:
  """Return the height and width at which a painting is compared.

  Args:
    algorithm: it says how large paintings are.
    style: the painting.
    longest: longest side of the content at this scale.
    unit: both are multiples of it.
  """
  return images.shape_of(
    style, longest * algorithm.style_scale, unit, both=True
  )


def require_paintable(
  experiment: core.Experiment, task: Task, tile: int
) -> None:
  """Raise UserError for a task that would fail, before anything is computed.

  Args:
    experiment: of an algorithm that paints one picture.
    task: its pictures and masks, and their sizes and numbers.
    tile: side of the tiles in pixels; 0: none.
  """
  algorithm = painter_of(experiment)
  if tile:
    tiles.window_shape((tile, tile), tile)
  named = [
    ('--content', task.content),
    *(('--style', style) for style in task.styles),
    *([('--start', task.start)] if task.start else []),
  ]
  for flag, image in named:
    core.require(
      min(image.size) >= MIN_SIDE,
      f'{flag}: a picture of {image.width}x{image.height} pixels: both '
      f'sides are at least {MIN_SIDE}; pass a larger one',
    )
  coarsest, *_ = scales(algorithm, experiment.data.size)
  least = min(images.shape_of(task.content, coarsest, 1))
  core.require(
    least >= MIN_SIDE,
    f'--size={experiment.data.size}: the content would be {least} pixels on '
    f'its shorter side, at its coarsest; it needs {MIN_SIDE}: pass a larger '
    '--size, or --set algorithm.coarse_size=0',
  )
  unit = tiles.ALIGN if 0 < tile < coarsest else 1
  for number, style in enumerate(task.styles, 1):
    shape = style_shape(algorithm, style, coarsest, unit)
    if min(shape) < MIN_SIDE:
      _require_read(algorithm, number, style, shape)
  for number, mask in enumerate(task.masks, 1):
    _require_mask(number, mask, task.content)
  count = len(task.styles)
  for name, given in (('--mask', task.masks), ('blend', algorithm.blend)):
    core.require(
      not given or len(given) == count,
      f'{name}: {len(given)} given for {count} paintings; give one for each',
    )


def _require_read(
  algorithm: core.PaintsOnePicture,
  number: int,
  style: Image.Image,
  shape: tuple[int, int],
) -> None:
  """Raise UserError if the network cannot read a painting of this shape."""

  def read(key, least, painting):
    variables = algorithm.features.init(key, least, algorithm.layers)
    return algorithm.targets(variables, least, (painting,))

  content, painting = (
    jax.ShapeDtypeStruct((1, *sides, 3), jnp.float32)
    for sides in ((MIN_SIDE, MIN_SIDE), shape)
  )
  try:
    jax.eval_shape(read, jax.random.key(0), content, painting)
  except ValueError as error:
    raise core.UserError(
      f'--style: painting {number} has {style.width}x{style.height} pixels '
      f'and would be {shape[1]}x{shape[0]} at the coarsest scale, too thin for '
      f'the network ({error}); crop it, or pass a larger --size with --set '
      'algorithm.coarse_size=0'
    ) from error


def _require_mask(number: int, mask: Image.Image, content: Image.Image) -> None:
  core.require(
    mask.size == content.size,
    f'--mask: number {number} has {mask.width}x{mask.height} pixels, the '
    f'content {content.width}x{content.height}: they have the same size; '
    'resize the mask',
  )
  core.require(
    np.asarray(mask).any(),
    f'--mask: number {number} is black everywhere: white is where the '
    'painting applies; paint some of it white',
  )
