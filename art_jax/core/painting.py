"""The contract of a model that paints one picture by optimizing it."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import jax

from art_jax.core.contracts import Batch, Key, Metrics, Params, PyTree, State


@runtime_checkable
class PaintsOnePicture(Protocol):
  """Optimizes one picture and learns from no set: Gatys, NNST.

  `art_jax.style_transfer` runs it; the training loop refuses it. Its state has
  `canvas` (a `Trainable`), `features`, `targets` and `clock`; what it compares
  with, `targets`, has `content`, `masks`, `before` and `trust`.

  A picture may be larger than the memory that its features need. So the loss
  is a function of sums over all positions, which tiles add up: `loss(sums)`.
  What of a tile's sums needs the whole picture is `informed` of it first.
  """

  @property
  def features(self) -> Any:
    """The feature network, a linen module."""
    ...

  @property
  def layers(self) -> tuple[str, ...]:
    """Its layers that are read."""
    ...

  @property
  def optimizer(self) -> Any:
    """Of the canvas."""
    ...

  @property
  def coarse_size(self) -> int:
    """Longest side of the first scale in pixels; 0: only the full size."""
    ...

  @property
  def scale_ratio(self) -> float:
    """Size of a scale over that of the scale before."""
    ...

  @property
  def settles(self) -> bool:
    """Whether `settle` changes the picture at the end of a scale.

    If not, the optimizer goes on at the next scale with its moments.
    """
    ...

  @property
  def start(self) -> str:
    """What the picture starts as: 'content', 'noise' or 'recolored'."""
    ...

  @property
  def colors(self) -> str:
    """Whose: 'style', 'luminance', 'content' or 'histogram'."""
    ...

  @property
  def style_scale(self) -> float:
    """Size of the paintings over that of the content."""
    ...

  @property
  def blend(self) -> tuple[float, ...]:
    """Shares of several paintings; (): none is given."""
    ...

  @property
  def tv_weight(self) -> float:
    """Weight of the total variation; 0: none."""
    ...

  @property
  def temporal_weight(self) -> float:
    """How much a frame of a video is kept as the one before was, moved."""
    ...

  def targets(
    self,
    features: PyTree,
    content: jax.Array,
    styles: Sequence[jax.Array],
    masks: Sequence[jax.Array] = (),
  ) -> Any:
    """Return what a picture f32[B, H, W, 3] in [-1, 1] is compared with."""
    ...

  def large_targets(
    self,
    features: PyTree,
    styles: Sequence[jax.Array],
    masks: Sequence[jax.Array],
    tile: int,
    in_tiles: Callable[[jax.Array], Any],
  ) -> Any:
    """Return the targets of a picture in tiles, without its content.

    Args:
      features: variables of the feature network.
      styles: paintings f32[1, h, w, 3].
      masks: of each painting f32[H, W]; () everywhere.
      tile: side of the tiles in pixels.
      in_tiles: from a painting to its target, by the sums of its tiles.
    """
    ...

  def content_targets(self, features: PyTree, content: jax.Array) -> Any:
    """Return `content` of the targets, of f32[B, H, W, 3]."""
    ...

  def begin(self, start: jax.Array, features: PyTree, targets: Any) -> State:
    """Return the state whose picture is `start` f32[B, H, W, 3]."""
    ...

  def step(self, state: State, batch: Batch, key: Key) -> tuple[State, Metrics]:
    """Return the next state, and the losses before it."""
    ...

  def pixels(self, params: Params) -> jax.Array:
    """Return the picture f32[B, H, W, 3] of a canvas."""
    ...

  def settle(
    self, features: PyTree, pixels: jax.Array, targets: Any
  ) -> jax.Array:
    """Return the picture, or tile, that a scale ends with."""
    ...

  def sums(
    self,
    features: PyTree,
    pixels: jax.Array,
    targets: Any,
    inside: jax.Array | None = None,
  ) -> PyTree:
    """Return what the losses sum up over a picture or tile.

    Args:
      features: variables of the feature network.
      pixels: f32[B, H, W, 3].
      targets: of this picture or tile.
      inside: f32[H, W], 1 where a tile counts; None: everywhere.
    """
    ...

  def statistics(
    self,
    features: PyTree,
    pixels: jax.Array,
    targets: Any,
    inside: jax.Array | None = None,
  ) -> PyTree:
    """Return `sums` as far as `loss` is not linear in them, the rest zeros."""
    ...

  def informed(self, targets: Any, sums: PyTree, clock: jax.Array) -> Any:
    """Return the targets of a tile that know the whole picture's statistics."""
    ...

  def loss(self, sums: PyTree, targets: Any) -> tuple[jax.Array, Metrics]:
    """Return the loss of the whole picture's sums, f32[], and its parts."""
    ...

  def smoothness(self, pixels: jax.Array) -> jax.Array:
    """Return the weighted total variation, f32[]."""
    ...
