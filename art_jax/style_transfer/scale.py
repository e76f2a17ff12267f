"""One size of a painting: pictures on the devices, and how a step is taken."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from art_jax import core
from art_jax.data import paintings
from art_jax.devices import memory, mesh
from art_jax.media import color_transfer, images
from art_jax.style_transfer import tiles
from art_jax.style_transfer.task import MIN_SIDE, Task, style_shape


def feature_variables(
  algorithm: core.PaintsOnePicture, seed: int
) -> core.PyTree:
  """Return the variables of the feature network; random without a file.

  Raises:
    core.UserError: the file is absent or does not fit.
  """
  variables = core.pretrained(algorithm, paintings.read)
  if jax.tree.leaves(variables):
    return jax.tree.map(jnp.asarray, variables)
  init = jax.jit(lambda k, x: algorithm.features.init(k, x, algorithm.layers))
  return init(jax.random.key(seed), jnp.zeros((1, MIN_SIDE, MIN_SIDE, 3)))


def content_image(
  algorithm: core.PaintsOnePicture, photo: np.ndarray
) -> np.ndarray:
  """Return the photo f32[H, W, 3] as the algorithm compares it."""
  return (
    color_transfer.luminance(photo)
    if algorithm.colors == 'luminance'
    else photo
  )


def style_images(
  algorithm: core.PaintsOnePicture,
  styles: Sequence[Image.Image],
  photo: np.ndarray,
  unit: int = 1,
) -> tuple[jax.Array, ...]:
  """Return the paintings f32[1, h, w, 3] as the algorithm compares them.

  Args:
    algorithm: it says how large they are, and in which colors.
    styles: the paintings.
    photo: the content f32[H, W, 3].
    unit: height and width are multiples of it.
  """
  longest = max(photo.shape[:2])
  arrays = (
    images.resized(s, style_shape(algorithm, s, longest, unit)) for s in styles
  )
  return tuple(
    jnp.asarray(color_transfer.prepared(x, photo, algorithm.colors)[None])
    for x in arrays
  )


def finish(
  algorithm: core.PaintsOnePicture, pixels: jax.Array, photo: np.ndarray
) -> np.ndarray:
  """Return pixels f32[1, H, W, 3] as u8[H, W, 3], in the final colors."""
  picture = np.clip(np.asarray(pixels[0]), -1, 1)
  if algorithm.colors == 'luminance':
    picture = color_transfer.with_colors_of(picture, photo)
  return images.to_uint8(picture)


class Scale:
  """The pictures at one size.

  Attributes:
    shape: height and width.
    photo: f32[H, W, 3].
    content: the photo as the algorithm compares it, f32[1, H, W, 3].
  """

  def __init__(
    self,
    algorithm: core.PaintsOnePicture,
    task: Task,
    size: int,
    devices: mesh.Devices,
    tile: int = 0,
  ):
    """Resize the pictures to `size`, their longest side; see `paint`."""
    self._algorithm, self._devices, self._task = algorithm, devices, task
    full = images.shape_of(task.content, size, devices.count)
    tiled = bool(tile) and max(full) > tile
    self._tile = tile if tiled else 0
    self._tiles: tiles.Tiles | None = None
    # A tile cuts no pooling window of a picture whose sides are aligned too.
    unit = tiles.ALIGN if tiled else devices.count
    self.shape = images.shape_of(task.content, size, unit, both=tiled)
    self.photo = images.resized(task.content, self.shape)
    self._styles = style_images(
      algorithm, task.styles, self.photo, tiles.ALIGN if tiled else 1
    )
    self.content = jnp.asarray(content_image(algorithm, self.photo)[None])
    self._masks = tuple(
      jnp.asarray((images.resized(mask, self.shape)[..., 0] + 1) / 2)
      for mask in task.masks
    )

  def start(self, key: core.Key) -> jax.Array:
    """Return the first picture f32[1, H, W, 3]."""
    if self._task.start is not None:
      return jnp.asarray(images.resized(self._task.start, self.shape)[None])
    if self._algorithm.start == 'noise':
      return jnp.clip(0.5 * jax.random.normal(key, self.content.shape), -1, 1)
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
    state = state.replace(canvas=_copy(state.canvas))
    spread = self._devices.picture_shardings
    shardings = jax.tree.map(lambda _: self._devices.replicated, state)
    shardings = shardings.replace(
      canvas=spread(state.canvas),
      targets=shardings.targets.replace(content=spread(targets.content)),
    )
    state = jax.tree.map(jax.device_put, state, shardings)
    compiled = (
      jax.jit(
        lambda s: algorithm.step(s, {}, jax.random.key(0)),
        in_shardings=(shardings,),
        out_shardings=(shardings, self._devices.replicated),
        donate_argnums=0,
      )
      .lower(state)
      .compile()
    )
    memory.require_picture_fits(compiled, max(self.shape))
    return compiled, state

  def _prepare_tiles(
    self, features: core.PyTree, start: jax.Array
  ) -> tuple[tiles.Tiles, tiles.TiledState]:
    targets = self._algorithm.large_targets(
      features,
      self._styles,
      self._masks,
      self._tile,
      lambda style: tiles.painting_target(
        self._algorithm, features, style, self._tile
      ),
    )
    state = self._algorithm.begin(start, features, targets)
    tiled = tiles.TiledState(
      _copy(state.canvas), self.content, features, targets, state.clock
    )
    self._tiles = tiles.Tiles(self._algorithm, self.shape, self._tile)
    return self._tiles, tiled

  def settled(self, state: Any) -> jax.Array:
    """Return the picture f32[1, H, W, 3] that this scale ends with."""
    algorithm = self._algorithm
    pixels = algorithm.pixels(state.canvas.params)
    if not algorithm.settles:
      return pixels
    if self._tiles is not None:
      return self._tiles.settled(state)
    return jax.jit(algorithm.settle)(state.features, pixels, state.targets)


def _copy(tree: core.PyTree) -> core.PyTree:
  """Return a copy that may be donated: no two of its arrays share memory."""
  return jax.tree.map(jnp.copy, tree)
