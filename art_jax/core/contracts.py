"""The contracts of a model: what every algorithm has, and what some can do.

A model is ONE object with three verbs, `init`, `step` and `render`. It is a
frozen dataclass and its fields are its hyperparameters, so the object is its
own config. Nothing subclasses these protocols: having the members is enough.

`Algorithm` is what every model has; each protocol after it is something that a
trained model may do. `core.traits` has what a model may state of its inputs and
its training. Programs ask by `isinstance(algorithm, core.Encoder)`, or read a
member through a function of `core.traits`, which says what holds for a model
without it (e.g. `core.num_classes`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import jax

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
