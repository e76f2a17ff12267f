"""The contracts of a model: what every algorithm has, and what some can do.

A model is ONE object with three verbs, `init`, `step` and `render`. It is a
frozen dataclass and its fields are its hyperparameters, so the object is its
own config. Nothing subclasses these protocols: having the members is enough.

The first half is what every algorithm has; each protocol after it is one
capability that a model may offer. Programs ask for a capability by
`isinstance(algorithm, core.Encoder)`, or read it through `core.capabilities`,
which says what holds for a model without it (e.g. `core.num_classes`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np

Key = jax.Array  # typed PRNG key, shape ()
Batch = Mapping[str, Any]  # arrays whose leading axis are the examples
Images = Mapping[str, jax.Array]  # f32[N, H, W, C] in [-1, 1]
Metrics = Mapping[str, jax.Array]  # f32[] each, named 'group/name'
PyTree = Any
# By role: a linen module and the arguments that it is called with.
Networks = Mapping[
  str, tuple[Any, tuple[jax.Array | jax.ShapeDtypeStruct, ...]]
]
State = Any  # pytree of arrays; shapes and dtypes constant for the whole run
Params = Any


class Algorithm(Protocol):
  """A training algorithm: a frozen dataclass with three pure verbs."""

  @property
  def inputs(self) -> tuple[str, ...]:
    """The keys of a batch that `step` reads, e.g. `('a', 'b')`.

    'image', 'a' and 'b' are f32[B, H, W, C] in [-1, 1], 'label' is i32[B];
    others are columns of a table, see `Attributed`.
    """
    ...

  @property
  def aligned(self) -> bool:
    """Whether `a` and `b` of one row must show the same scene."""
    ...

  def networks(self, batch: Batch) -> Networks:
    """Return the networks by role, with example inputs: for counting."""
    ...

  def init(self, key: Key, batch: Batch, pretrained: PyTree = ()) -> State:
    """Return the state of step 0. Pure: jit and eval_shape work."""
    ...

  def step(self, state: State, batch: Batch, key: Key) -> tuple[State, Metrics]:
    """Return the next state and the metrics of one update. Pure."""
    ...

  def render(self, state: State, batch: Batch, key: Key) -> Images:
    """Return pictures for people; same key and held-out batch always."""
    ...

  def inference(self, state: State) -> Params:
    """Return what using the model needs, without optimizers."""
    ...


@runtime_checkable
class Generative(Protocol):
  """Makes pictures out of latents: decoders, GAN generators, diffusion."""

  def latents(self, key: Key, count: int) -> jax.Array:
    """Draw `count` latents from the prior: f32[count, ...]."""
    ...

  def generate(
    self, params: Params, latents: jax.Array, labels: Any = None, *, key: Key
  ) -> jax.Array:
    """Return f32[N, H, W, C] in [-1, 1].

    Args:
      params: what `inference` returned.
      latents: f32[N, ...].
      labels: i32[N] of a `Conditional` model, f32[N, W] of an `Attributed`
        one, else None.
      key: of the randomness of a model that has more than its latents.
    """
    ...


@runtime_checkable
class Encoder(Protocol):
  """Maps pictures to latents: autoencoder, VAE."""

  def encode(self, params: Params, images: jax.Array) -> jax.Array:
    """Return the latents f32[N, ...] of f32[N, H, W, C] in [-1, 1]."""
    ...


@runtime_checkable
class SizeMultiple(Protocol):
  """Takes pictures of some sizes only; any size without it."""

  @property
  def multiple(self) -> int:
    """Height and width are multiples of it, >= 1."""
    ...


@runtime_checkable
class Translator(SizeMultiple, Protocol):
  """Maps a picture to a picture: CycleGAN, pix2pix, Johnson."""

  @property
  def directions(self) -> tuple[str, ...]:
    """Names of the maps, e.g. `('ab', 'ba')`; the first is the default."""
    ...

  def translate(
    self,
    params: Params,
    images: jax.Array,
    direction: str | None = None,
    *,
    key: Key,
  ) -> jax.Array:
    """Return f32[N, H, W, C] in [-1, 1], of the size of `images`."""
    ...


@runtime_checkable
class Inpainter(SizeMultiple, Protocol):
  """Fills parts of a picture so that they fit the rest: diffusion."""

  def inpaint(
    self,
    params: Params,
    images: jax.Array,
    mask: jax.Array,
    labels: jax.Array | None = None,
    *,
    key: Key,
  ) -> jax.Array:
    """Return f32[N, H, W, C] in [-1, 1], `images` where the mask is 0.

    Args:
      params: what `inference` returned.
      images: f32[N, H, W, C] in [-1, 1]; not read where the mask is 1.
      mask: f32[N, H, W, 1], 1 where the model paints.
      labels: i32[N] or None.
      key: of the noise.
    """
    ...


@runtime_checkable
class Stylable(Protocol):
  """Translates in the style of paintings that are given when it is used."""

  @property
  def style_size(self) -> int:
    """Longest side, in pixels, at which paintings are read."""
    ...

  def styled(self, params: Params, styles: Sequence[jax.Array]) -> Params:
    """Return `params` for paintings f32[1, h, w, 3] in [-1, 1]."""
    ...


@runtime_checkable
class Scorer(Protocol):
  """Judges pictures: discriminators and critics."""

  def score(
    self, params: Params, images: jax.Array, labels: Any = None
  ) -> jax.Array:
    """Return f32[N]; larger means more real."""
    ...


@runtime_checkable
class Adversarial(Scorer, Protocol):
  """Trains its scores by a loss of `art_jax.losses.adversarial`."""

  @property
  def loss(self) -> Any:
    """The loss; it decides whether a score is the logit of a probability."""
    ...


@runtime_checkable
class Classifier(Protocol):
  """Names the class of pictures: the second head of an ACGAN."""

  def classify(self, params: Params, images: jax.Array) -> jax.Array:
    """Return f32[N, K], logits of the classes."""
    ...


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
