"""Generative adversarial networks: DCGAN, conditional DCGAN, WGAN, WGAN-GP.

Goodfellow et al. 2014, "Generative Adversarial Networks", arXiv:1406.2661,
Algorithm 1; Arjovsky et al. 2017, "Wasserstein GAN", arXiv:1701.07875,
Algorithm 1. One class: the papers differ in the loss, in how often the
discriminator (the critic) learns, and in what keeps its weights in bounds.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax import core
from art_jax.algorithms import (
  attributes,
  gan_state,
  gan_updates,
  optim,
  trainable,
)
from art_jax.algorithms.attributes import Attribute
from art_jax.algorithms.stabilizers import CriticWarmup, Stabilizers
from art_jax.losses.adversarial import (
  AdversarialLoss,
  NonSaturating,
  Relativistic,
)
from art_jax.nn import dcgan, pure

_PAPER_ADAM = optim.Adam(learning_rate=2e-4, b1=0.5, b2=0.999)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GAN:
  """A generator against a discriminator.

  A step takes `n_critic` batches: D descends on each, then G once.

  Attributes:
    generator: G: latents (and one-hot labels) to pictures.
    discriminator: D: pictures (and one-hot labels) to logits.
    loss: what both minimize.
    generator_optimizer: of G.
    discriminator_optimizer: of D; `clip_weights` makes a critic of it.
    num_classes: K of a conditional pair of networks; 0: no labels.
    attributes: conditions of such a pair in the place of a class: any number
      of `Category`, `Number` and `Palette`; () for none.
    n_critic: updates of D for one of G; 5 in WGAN.
    warmup: more updates of D before some updates of G; None: never.
    share_latents: G learns from the latents of D's last batch, as in the
      PyTorch DCGAN tutorial, which saves a pass; False draws new ones, as
      both papers do.
    stabilizers: label smoothing, noise, replay, penalties, the moving average
      and augmentation; none by default.
  """

  aligned: ClassVar[bool] = False

  generator: nn.Module = dcgan.DCGANGenerator()
  discriminator: nn.Module = dcgan.DCGANDiscriminator()
  loss: AdversarialLoss | Relativistic = NonSaturating()
  generator_optimizer: optim.Optimizer = _PAPER_ADAM
  discriminator_optimizer: optim.Optimizer = _PAPER_ADAM
  num_classes: int = 0
  attributes: tuple[Attribute, ...] = ()
  n_critic: int = 1
  warmup: CriticWarmup | None = None
  share_latents: bool = True
  stabilizers: Stabilizers = Stabilizers()

  def __post_init__(self):
    gan_updates.require_fields(self)

  @property
  def inputs(self) -> tuple[str, ...]:
    """The keys of a batch that `step` reads."""
    return ('image', *(('label',) if self.num_classes else self.columns))

  @property
  def columns(self) -> dict[str, int]:
    """Attributes that the data gives: counts of names, 0 for numbers."""
    return attributes.columns(self.attributes)

  @property
  def batches_per_step(self) -> int:
    """Batches that one step takes: one for each update of D."""
    return self.n_critic

  def networks(self, batch: core.Batch) -> core.Networks:
    """Return G and D, each with example inputs."""
    images = batch['image']
    rows = images.shape[0]
    z = jax.ShapeDtypeStruct((rows, self.generator.latent_size), jnp.float32)
    width = self.num_classes + sum(one.width for one in self.attributes)
    given = (jax.ShapeDtypeStruct((rows, width), jnp.float32),) if width else ()
    return {
      'generator': (self.generator, (z, *given)),
      'discriminator': (self.discriminator, (images, *given)),
    }

  def init(
    self, key: core.Key, batch: core.Batch, pretrained: core.PyTree = ()
  ) -> gan_state.GANState:
    """Return fresh networks; raises UserError if they do not fit the data."""
    return gan_state.create(self, key, batch)

  def step(
    self, state: gan_state.GANState, batch: core.Batch, key: core.Key
  ) -> tuple[gan_state.GANState, core.Metrics]:
    """Update D on `n_critic` batches, then G: Algorithm 1 of both papers.

    Args:
      state: of the step before.
      batch: image: f32[n_critic * B, H, W, C] in [-1, 1]; a conditional GAN
        reads label: i32[n_critic * B], or its attributes, too.
      key: PRNG key of this step.

    Returns:
      The next state and the value of every term of the losses.
    """
    latents_key, *critic_keys, generator_key = jax.random.split(
      key, self.n_critic + 2
    )
    # Unrolled: XLA:CPU runs convolutions inside a loop 3 to 13 times slower.
    for i, x in enumerate(gan_updates.batches(self, batch)):
      z = self.latents(jax.random.fold_in(latents_key, i), len(x['image']))
      state, fakes, judged = gan_updates.update_discriminator(
        self, state, x, z, critic_keys[i], self._discriminator_loss
      )
    if not self.share_latents:
      z = self.latents(jax.random.fold_in(latents_key, self.n_critic), len(z))
      fakes = None  # G has not seen these latents.
    state, metrics = gan_updates.update_generator(
      self, state, x, z, generator_key, self._generator_loss, fakes
    )
    return state, {**judged, **metrics}

  def _discriminator_loss(
    self,
    key: core.Key,
    clock: jax.Array,
    params: core.Params,
    collections: trainable.Collections,
    rows: core.Batch,
  ) -> tuple[jax.Array, tuple[trainable.Collections, core.Metrics]]:
    """Return the loss of D(x) and D(G(z)), and penalties, for `descend`.

    Args:
      key: of D's dropout.
      clock: i32[], read by the schedule of the noise.
      params: of D.
      collections: of D.
      rows: real, fake: f32[B, H, W, C]; labels, fake_labels; targets: f32[B,
        2]; keys: [B, 3].
    """
    from art_jax.algorithms import gan_losses, passes  # here: not when loaded

    judge = functools.partial(pure.apply_train, self.discriminator, params)
    x, g = gan_updates.perturb_pair(self, rows, clock)
    y, fake_y = map(self.given, (rows['labels'], rows['fake_labels']))
    # Real and fake pictures have batch statistics of their own, if any.
    (real, fake), collections = passes.apply_each(
      *(self.discriminator, params, collections, [(x, *y), (g, *fake_y)]),
      keys=[jax.random.fold_in(key, i) for i in range(2)],
    )
    terms = gan_losses.adversarial_terms(self, real, fake, rows['targets'])
    terms |= gan_losses.penalty_terms(
      self,
      lambda images, labels: judge(
        collections, images, *self.given(labels), key=key
      )[0],
      *(x, g, rows),
    )
    loss = gan_losses.total(terms)
    metrics = terms | gan_losses.scores(self, real, fake)
    return loss, (collections, {'loss/discriminator': loss} | metrics)

  def _generator_loss(
    self,
    key: core.Key,
    state: gan_state.GANState,
    fake: jax.Array,
    rows: core.Batch,
  ) -> tuple[jax.Array, core.Metrics]:
    """Return the loss of D(G(z)), for `descend_vjp`; D is a constant.

    Args:
      key: of D's dropout.
      state: gives D and the clock.
      fake: f32[B, H, W, C], G(z).
      rows: real: f32[B, H, W, C]; labels and keys.
    """
    from art_jax.algorithms import gan_losses  # here: a loaded model has none

    d, given = state.discriminator, self.given(rows['labels'])

    def judge(images, index):
      seen = self.stabilizers.perturb(images, rows['keys'], state.clock)
      dropout_key = jax.random.fold_in(key, index)
      return pure.apply_train(
        *(self.discriminator, d.params, d.collections, seen),
        *given,
        key=dropout_key,
      )[0]

    loss = gan_losses.generator_loss(
      self, judge(fake, 0), lambda: judge(rows['real'], 1)
    )
    return loss, {'loss/generator': loss}

  def render(
    self, state: gan_state.GANState, batch: core.Batch, key: core.Key
  ) -> core.Images:
    """Return as many samples as the batch has pictures.

    With classes, each latent is drawn in every class in turn; with attributes
    each picture has those of one of the batch.

    Returns:
      samples: f32[N, H, W, C] in [-1, 1]; with attributes also `asked`, the
      pictures whose attributes they have.
    """
    if not self.attributes:
      return gan_state.render(self, state, batch, key)
    z = self.latents(key, batch['image'].shape[0])
    samples = self.generate(self.inference(state), z, self.labels(batch))
    return {'samples': samples, 'asked': batch['image']}

  def inference(self, state: gan_state.GANState) -> core.Params:
    """Return the variables of the generator (its average) and of D."""
    return gan_state.inference(self, state)

  def latents(self, key: core.Key, count: int) -> jax.Array:
    """Draw f32[count, latent_size] from N(0, 1)."""
    return jax.random.normal(key, (count, self.generator.latent_size))

  def generate(
    self,
    params: core.Params,
    latents: jax.Array,
    labels: jax.Array | Mapping[str, Any] | None = None,
    *,
    key: core.Key | None = None,
  ) -> jax.Array:
    """Make a picture of each latent.

    Args:
      params: what `inference` returned.
      latents: f32[N, latent_size].
      labels: i32[N] in [0, num_classes) for a GAN with classes; with
        attributes {name: value} as of `attributes.ask`, or f32[N, W]
        conditions.
      key: not used; a latent has one picture.

    Returns:
      f32[N, H, W, C] in [-1, 1].

    Raises:
      core.UserError: labels are missing, or latents have another width.
    """
    if isinstance(labels, Mapping):
      labels = attributes.ask(self.attributes, labels, len(latents))
    return gan_state.generate(self, params, latents, labels)

  def score(
    self, params: core.Params, images: jax.Array, labels=None
  ) -> jax.Array:
    """Return D's logit of each picture, f32[N]; larger is more real."""
    return pure.apply(
      self.discriminator,
      params['discriminator'],
      images,
      *self.given(labels),
      train=False,
    )

  def given(self, labels: jax.Array | None) -> tuple[jax.Array, ...]:
    """Return the networks' second argument: the conditions, if there are."""
    if self.num_classes:
      return (gan_state.one_hot(labels, self.num_classes),)
    if not self.attributes:
      return ()
    if labels is None:
      names = ', '.join(one.name for one in self.attributes)
      raise core.UserError(
        f'this GAN has attributes ({names}): pass labels={{name: value}}'
      )
    return (labels,)

  def labels(self, batch: core.Batch) -> jax.Array:
    """Return the class or the attributes of each picture, by rows."""
    return (
      attributes.observe(self.attributes, batch)
      if self.attributes
      else batch.get('label', jnp.zeros(batch['image'].shape[0], jnp.int32))
    )
