"""The contracts of a model: what every algorithm has, and what some can do.

A model is ONE object with three verbs, `init`, `step` and `render`. It is a
frozen dataclass and its fields are its hyperparameters, so the object is its
own config. Nothing subclasses these protocols: having the methods is enough.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

import jax

Key = jax.Array  # typed PRNG key, shape ()
Batch = Mapping[str, jax.Array]  # leading axis = examples
Images = Mapping[str, jax.Array]  # f32[N, H, W, C] in [-1, 1]
Metrics = Mapping[str, jax.Array]  # f32[] each, named 'group/name'
PyTree = Any
# By role: a linen module and the arguments that it is called with.
Networks = Mapping[str, tuple[Any, tuple[jax.Array, ...]]]
State = Any  # pytree of arrays; shapes and dtypes constant for the whole run
Params = Any


class Algorithm(Protocol):
  """A training algorithm: a frozen dataclass with three pure verbs.

  Attributes:
    inputs: the keys of a batch that `step` reads, e.g. `('a', 'b')`.
    aligned: True when `a` and `b` of one row must show the same scene.
  """

  inputs: ClassVar[tuple[str, ...]]
  aligned: ClassVar[bool]

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
    """Return the pictures to look at; same key and held-out batch always."""
    ...

  def inference(self, state: State) -> Params:
    """Return what using the model needs, without optimisers."""
    ...


@runtime_checkable
class Generative(Protocol):
  """Makes pictures out of latents: decoders, GAN generators, diffusion."""

  def latents(self, key: Key, count: int) -> jax.Array:
    """Draw `count` latents from the prior."""
    ...

  def generate(
    self, params: Params, latents: jax.Array, labels=None, *, key: Key
  ) -> jax.Array:
    """Return f32[N, H, W, C] in [-1, 1]."""
    ...


@runtime_checkable
class Encoder(Protocol):
  """Maps pictures to latents: autoencoder, VAE."""

  def encode(self, params: Params, images: jax.Array) -> jax.Array:
    """Return the latents of f32[N, H, W, C] images."""
    ...


@runtime_checkable
class Translator(Protocol):
  """Maps a picture to a picture: CycleGAN, pix2pix, Johnson.

  Attributes:
    directions: names of the maps, e.g. `('ab', 'ba')`; the first is the
      default.
    multiple: height and width that `translate` accepts are multiples of it.
  """

  directions: tuple[str, ...]
  multiple: int

  def translate(
    self, params: Params, images: jax.Array, direction=None, *, key: Key
  ) -> jax.Array:
    """Return f32[N, H, W, C] in [-1, 1], of the size of `images`."""
    ...


@runtime_checkable
class Scorer(Protocol):
  """Judges pictures: discriminators and critics."""

  def score(self, params: Params, images: jax.Array, labels=None) -> jax.Array:
    """Return f32[N]; larger means more real."""
    ...


@runtime_checkable
class Classifier(Protocol):
  """Names the class of pictures: the second head of an ACGAN."""

  def classify(self, params: Params, images: jax.Array) -> jax.Array:
    """Return f32[N, K], logits of the classes."""
    ...


def batches_per_step(algorithm: Algorithm) -> int:
  """Return how many batches one step takes (n_critic); 1 unless stated."""
  return getattr(algorithm, 'batches_per_step', 1)


def pretrained(algorithm: Algorithm) -> PyTree:
  """Return the weights that a state starts with as host arrays; () if none.

  An algorithm that needs some has a method `pretrained()` that reads a file.
  They are part of its state, so that a run folder needs the file no more.

  Raises:
    UserError: the file is absent or does not fit.
  """
  return getattr(algorithm, 'pretrained', tuple)()
