"""What a model may state of its inputs, its training and its fields.

Protocols as in `core.contracts`: having the members is enough.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np

from art_jax.core.contracts import Batch, PyTree, State


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
  """Has fields that a trained model may be used with other values of."""

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
class PaintsOnePicture(Protocol):
  """Optimizes the pixels of one picture and learns from no set: Gatys.

  `art_jax.style_transfer` runs it; the training loop refuses it.
  """

  def targets(
    self,
    features: PyTree,
    content: jax.Array,
    styles: Sequence[jax.Array],
    masks: Sequence[jax.Array] = (),
  ) -> Any:
    """Return what a picture f32[B, H, W, 3] in [-1, 1] is compared with."""
    ...

  def begin(self, start: jax.Array, features: PyTree, targets: Any) -> State:
    """Return the state whose picture is `start` f32[B, H, W, 3]."""
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
