"""Paint a picture by optimising its pixels, from coarse to fine."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from art_jax import core
from art_jax.algorithms.gatys import Gatys
from art_jax.algorithms.style_states import StyleTargets
from art_jax.algorithms.trainable import Trainable
from art_jax.data import paintings
from art_jax.devices import memory, mesh
from art_jax.media import color_transfer, images
from art_jax.style_transfer import tiles

MIN_SIDE = 32  # of a picture; below it the deepest layers vanish
Report = Callable[[int, core.Metrics, Callable[[], np.ndarray]], None]


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


def paint(
  experiment: core.Experiment,
  task: Task,
  *,
  devices: mesh.Devices | None = None,
  tile: int = 0,
  report: Report | None = None,
) -> np.ndarray:
  """Return the picture u8[H, W, 3], its longest side `data.size`.

  Args:
    experiment: of a `Gatys`; `train.duration` steps are taken at each scale.
    task: what to paint.
    devices: the picture's rows are spread over them; default: the first.
    tile: side of the tiles that a larger picture is worked on in; 0: whole.
    report: called after each step with its number (over all scales), its
      metrics on the device, and a function that gives the picture u8[h, w, 3].

  Raises:
    core.UserError: for pictures that do not fit, absent weights, or too little
      memory; before the first step.
    core.Diverged: the loss is not finite.
  """
  algorithm = experiment.algorithm
  check(experiment, task, tile)
  devices = devices or mesh.make_devices(1)
  features = core.pretrained(algorithm, paintings.read)
  canvas, number = None, 0
  key = jax.random.key(experiment.train.seed)
  for size in scales(algorithm, experiment.data.size):
    scale = Scale(algorithm, task, size, devices, tile)
    if not jax.tree.leaves(features):
      features = jax.jit(
        lambda k, x: algorithm.features.init(k, x, algorithm.layers)
      )(key, scale.content)
    start = scale.start(task, key)
    if canvas is not None:
      start = _resized(canvas.params['pixels'], scale.shape)
    with memory.explain_exhausted(size):
      step, state = scale.prepare(features, start)
      if canvas is not None:
        state = state.replace(canvas=_carry(canvas, state.canvas))
      for _ in range(experiment.train.duration):
        state, metrics = step(state)
        number += 1
        _check_finite(experiment, number, metrics)
        if report:
          pixels = state.canvas.params['pixels']
          report(number, metrics, lambda p=pixels, s=scale: s.finish(p))
    canvas, features = state.canvas, state.features
  return scale.finish(canvas.params['pixels'])


def scales(algorithm: Gatys, size: int) -> list[int]:
  """Return the longest sides of the scales: sqrt(2) apart, ending at `size`."""
  if not algorithm.coarse_size:
    return [size]
  count = round(2 * math.log2(size / algorithm.coarse_size))
  return [round(size / math.sqrt(2) ** i) for i in range(max(count, 0), -1, -1)]


def check_algorithm(algorithm: core.Algorithm) -> None:
  """Raise UserError unless an algorithm optimises pixels."""
  if not isinstance(algorithm, Gatys):
    raise core.UserError(
      f'{type(algorithm).__name__} does not paint by optimising pixels; use '
      'style_transfer, or `art_jax translate` for a trained model'
    )


def check(experiment: core.Experiment, task: Task, tile: int) -> None:
  """Raise UserError for what can be seen to be wrong beforehand."""
  algorithm = experiment.algorithm
  check_algorithm(algorithm)
  if tile:
    tiles.window_shape((tile, tile), tile)
  named = [('--content', task.content)]
  named += [('--style', style) for style in task.styles]
  named += [('--start', task.start)] if task.start else []
  for flag, image in named:
    if min(image.size) < MIN_SIDE:
      raise core.UserError(
        f'{flag}: a picture of {image.width}x{image.height} pixels: both '
        f'sides are at least {MIN_SIDE}; pass a larger one'
      )
  smallest = scales(algorithm, experiment.data.size)[0]
  least = min(images.shape_of(task.content, smallest, 1))
  if least < MIN_SIDE:
    raise core.UserError(
      f'--size={experiment.data.size}: the content would be {least} pixels on '
      f'its shorter side, at its coarsest; it needs {MIN_SIDE}: pass a larger '
      '--size, or --set algorithm.coarse_size=0'
    )
  for number, mask in enumerate(task.masks, 1):
    if mask.size != task.content.size:
      raise core.UserError(
        f'--mask: number {number} has {mask.width}x{mask.height} pixels, the '
        f'content {task.content.width}x{task.content.height}: they have the '
        'same size; resize the mask'
      )
    if not np.asarray(mask).any():
      raise core.UserError(
        f'--mask: number {number} is black everywhere: white is where the '
        'painting applies; paint some of it white'
      )
  count = len(task.styles)
  for name, given in (('--mask', task.masks), ('blend', algorithm.blend)):
    if given and len(given) != count:
      raise core.UserError(
        f'{name}: {len(given)} given for {count} paintings; give one for each'
      )


class Scale:
  """One size: pictures on the device, and how a step is taken."""

  def __init__(
    self,
    algorithm: Gatys,
    task: Task,
    size: int,
    devices: mesh.Devices,
    tile: int = 0,
  ):
    """Resize the pictures to `size`, their longest side; see `paint`."""
    self._algorithm, self._devices = algorithm, devices
    full = images.shape_of(task.content, size, devices.count)
    self._tile = tile if tile and max(full) > tile else 0
    # Tiles of a picture cut no pooling window if its sides are aligned too.
    unit = tiles.ALIGN if self._tile else devices.count
    self.shape = images.shape_of(
      task.content, size, unit, both=bool(self._tile)
    )
    photo = images.resized(task.content, self.shape)
    longest = max(self.shape) * algorithm.style_scale
    tiled = bool(self._tile)
    styles = [
      images.resized(
        s, images.shape_of(s, longest, unit if tiled else 1, both=tiled)
      )
      for s in task.styles
    ]
    self._photo = photo
    styles = [
      color_transfer.prepared(s, photo, algorithm.colors) for s in styles
    ]
    if algorithm.colors == 'luminance':
      photo = color_transfer.luminance(photo)
    self.content = jnp.asarray(photo[None])
    self._styles = tuple(jnp.asarray(s[None]) for s in styles)
    self._masks = tuple(
      jnp.asarray((images.resized(mask, self.shape)[..., 0] + 1) / 2)
      for mask in task.masks
    )

  def start(self, task: Task, key: core.Key) -> jax.Array:
    """Return the first picture f32[1, H, W, 3]."""
    if task.start is not None:
      return jnp.asarray(images.resized(task.start, self.shape)[None])
    if self._algorithm.start == 'noise':
      noise = 0.5 * jax.random.normal(key, self.content.shape)
      return jnp.clip(noise, -1, 1)
    if self._algorithm.start == 'recolored':
      photo, painting = np.asarray(self.content[0]), np.asarray(self._styles[0])
      return jnp.asarray(color_transfer.match_colors(photo, painting[0])[None])
    return self.content

  def prepare(
    self, features: core.PyTree, start: jax.Array
  ) -> tuple[Callable[[Any], tuple[Any, core.Metrics]], Any]:
    """Return the compiled step and its first state."""
    algorithm = self._algorithm
    if self._tile:
      return self._prepare_tiles(features, start)
    targets = jax.jit(algorithm.targets)(
      features, self.content, self._styles, self._masks
    )
    state = algorithm.begin(start, features, targets)
    state = state.replace(canvas=_copied(state.canvas))
    spread = self._devices.picture_shardings
    shardings = jax.tree.map(lambda _: self._devices.replicated, state)
    shardings = shardings.replace(
      canvas=spread(state.canvas),
      targets=shardings.targets.replace(content=spread(targets.content)),
    )
    state = jax.tree.map(jax.device_put, state, shardings)
    step = jax.jit(
      lambda s: algorithm.step(s, {}, jax.random.key(0)),
      in_shardings=(shardings,),
      out_shardings=(shardings, self._devices.replicated),
      donate_argnums=0,
    )
    compiled = step.lower(state).compile()
    memory.require_picture_fits(compiled, max(self.shape))
    return compiled, state

  def _prepare_tiles(self, features, start):
    algorithm = self._algorithm
    styles = tuple(
      tiles.painting_target(algorithm, features, style, self._tile)
      for style in self._styles
    )
    targets = StyleTargets({}, styles, self._masks)
    canvas = _copied(algorithm.begin(start, (), ()).canvas)
    state = tiles.TiledState(
      canvas, self.content, features, targets, jnp.int32(0)
    )
    return tiles.Tiles(algorithm, self.shape, self._tile), state

  def finish(self, pixels: jax.Array) -> np.ndarray:
    """Return the picture as u8[H, W, 3], in the colours asked for."""
    picture = np.clip(np.asarray(pixels[0]), -1, 1)
    if self._algorithm.colors == 'luminance':
      picture = color_transfer.with_colors_of(picture, self._photo)
    return images.to_uint8(picture)


def _resized(pixels: jax.Array, shape: tuple[int, int]) -> jax.Array:
  """Return the picture of the scale before at this one's size."""
  pixels = jnp.asarray(np.asarray(pixels))
  size = (pixels.shape[0], *shape, pixels.shape[-1])
  return jnp.clip(jax.image.resize(pixels, size, 'cubic'), -1, 1)


def _carry(old: Trainable, new: Trainable) -> Trainable:
  """Return the new canvas with the old optimiser state, resized.

  Linear, as second moments must stay positive. The pairs of L-BFGS describe
  another problem, so it starts afresh.
  """
  before, after = old.params['pixels'].shape, new.params['pixels'].shape
  leaves = jax.tree.leaves(new.opt_state)
  if any(leaf.ndim > len(after) for leaf in leaves):
    return new

  def resize(value, like):
    if value.shape == before:
      value = jax.image.resize(jnp.asarray(np.asarray(value)), after, 'linear')
    return jax.device_put(value.astype(like.dtype), like.sharding)

  return new.replace(
    opt_state=jax.tree.map(resize, old.opt_state, new.opt_state)
  )


def _copied(canvas: Trainable) -> Trainable:
  """Return a copy that may be donated: no two of its arrays are one."""
  return jax.tree.map(jnp.copy, canvas)


def _check_finite(
  experiment: core.Experiment, number: int, metrics: core.Metrics
) -> None:
  """Look at the loss now and then: looking waits for the device."""
  if number > 1 and number % experiment.train.log_every:
    return
  loss = float(metrics['loss/total'])
  if not math.isfinite(loss):
    raise core.Diverged(
      f'step {number}: the loss is {loss}; try a lower --set '
      'algorithm.optimizer.learning_rate'
    )
