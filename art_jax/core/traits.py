"""What a model may state of its inputs, its training and its fields.

Protocols as in `core.contracts`: having the members is enough. The functions
after them say what holds for a model that does not state it: programs outside
`core` read optional members of an algorithm through these, or test for a
protocol by isinstance.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np

from art_jax.core.contracts import (
  Adversarial,
  Batch,
  Key,
  Metrics,
  Params,
  PyTree,
  SizeMultiple,
  State,
  Translator,
)


@runtime_checkable
class Conditional(Protocol):
  """Makes pictures of a class, and reads 'label' of a batch."""

  @property
  def num_classes(self) -> int:
    """K: labels are in [0, K); 0: this model is not conditional."""
    ...


@runtime_checkable
class ClassCountField(Protocol):
  """Keeps its number of classes elsewhere than in `algorithm.num_classes`."""

  @property
  def num_classes_field(self) -> str:
    """Path for --set, e.g. 'algorithm.discriminator.num_classes'."""
    ...


@runtime_checkable
class Attributed(Protocol):
  """Makes pictures with attributes: columns of a table, or a palette."""

  @property
  def attributes(self) -> tuple[Any, ...]:
    """`art_jax.algorithms.attributes`; (): this model has none."""
    ...

  @property
  def columns(self) -> Mapping[str, int]:
    """Columns that the data must have: number of names, 0 for a number."""
    ...

  def labels(self, batch: Batch) -> jax.Array:
    """Return f32[B, W], the conditions of the pictures of a batch."""
    ...


@runtime_checkable
class InferenceFields(Protocol):
  """Has fields that may be changed after training, such as a sampler."""

  @property
  def in_use(self) -> tuple[str, ...]:
    """Their names, e.g. `('sampler', 'num_steps')`."""
    ...


@runtime_checkable
class MultiPass(Protocol):
  """Runs its network several times for one sample: diffusion."""

  @property
  def num_steps(self) -> int:
    """Number of passes, >= 1."""
    ...


@runtime_checkable
class MultiBatch(Protocol):
  """Reads several batches in one step (n_critic of a GAN)."""

  @property
  def batches_per_step(self) -> int:
    """Number of batches, >= 1: a batch has so many times `batch_size` rows."""
    ...


@runtime_checkable
class PerPicture(Protocol):
  """A network that may treat the pictures of a batch alone in training."""

  @property
  def per_picture(self) -> bool:
    """Whether a picture's output is the same in any batch.

    True without batch statistics or other comparisons of pictures, random
    numbers, and variables that a call changes.
    """
    ...


class PictureReader(Protocol):
  """Reads a picture that a config names: `art_jax.data.paintings.read`."""

  def __call__(self, name: str, size: int) -> np.ndarray:
    """Return f32[1, h, w, 3] in [-1, 1], its longest side `size` pixels.

    Args:
      name: path of a picture; or a built-in scene of 512 px, 'builtin:7' as a
        painting and 'builtin:7:photo' as a photo.
      size: in pixels.

    Raises:
      UserError: there is no such file, or it is no picture.
    """
    ...


@runtime_checkable
class Pretrained(Protocol):
  """Begins with weights that a file holds, or with what it makes of pictures.

  They become part of its state, so a run folder needs the files no more.
  """

  def pretrained(self, read_picture: PictureReader) -> PyTree:
    """Return host arrays for `init`; () for none.

    Raises:
      UserError: a file is absent or does not fit.
    """
    ...


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


def num_classes(algorithm: Any) -> int:
  """Return the number of classes of a conditional model; 0: no labels."""
  return algorithm.num_classes if isinstance(algorithm, Conditional) else 0


def num_classes_field(algorithm: Any) -> str:
  """Return the path for --set of `num_classes`."""
  return (
    algorithm.num_classes_field
    if isinstance(algorithm, ClassCountField)
    else 'algorithm.num_classes'
  )


def attributes(algorithm: Any) -> tuple[Any, ...]:
  """Return the attributes that a model's pictures are made with; () if none."""
  return algorithm.attributes if isinstance(algorithm, Attributed) else ()


def columns(algorithm: Any) -> Mapping[str, int]:
  """Return the columns of a table that a model reads; {} if none.

  By name: the number of names in it, or 0 for a column of numbers.
  """
  return algorithm.columns if isinstance(algorithm, Attributed) else {}


def labels(algorithm: Any, batch: Batch) -> jax.Array | None:
  """Return what `generate` and `score` take as the labels of a batch.

  Returns:
    i32[B] of a conditional model, f32[B, W] of one with attributes, else None.
  """
  if attributes(algorithm):
    return algorithm.labels(batch)
  return batch['label'] if num_classes(algorithm) else None


def inference_fields(algorithm: Any) -> tuple[str, ...]:
  """Return the fields that may change when a trained model is used."""
  return algorithm.in_use if isinstance(algorithm, InferenceFields) else ()


def directions(algorithm: Any) -> tuple[str, ...]:
  """Return the names of the maps of a translator; () for other models."""
  return algorithm.directions if isinstance(algorithm, Translator) else ()


def size_multiple(algorithm: Any) -> int:
  """Return what height and width of its pictures are multiples of; else 1."""
  return algorithm.multiple if isinstance(algorithm, SizeMultiple) else 1


def sampling_passes(algorithm: Any) -> int:
  """Return how often a network runs for one sample; 1 unless stated."""
  return algorithm.num_steps if isinstance(algorithm, MultiPass) else 1


def per_picture(network: Any) -> bool:
  """Return whether a network states that it treats pictures alone."""
  return isinstance(network, PerPicture) and network.per_picture


def batches_per_step(algorithm: Any) -> int:
  """Return how many batches one step takes (n_critic); 1 unless stated."""
  return algorithm.batches_per_step if isinstance(algorithm, MultiBatch) else 1


def adversarial_loss(algorithm: Any) -> Any:
  """Return the loss that trains a model's scores; None if there is none."""
  return algorithm.loss if isinstance(algorithm, Adversarial) else None


def pretrained(algorithm: Any, read_picture: PictureReader) -> PyTree:
  """Return the weights that a state starts with as host arrays; () if none.

  Args:
    algorithm: the model.
    read_picture: reads the pictures that its fields name.

  Raises:
    UserError: a file is absent or does not fit.
  """
  return (
    algorithm.pretrained(read_picture)
    if isinstance(algorithm, Pretrained)
    else ()
  )
