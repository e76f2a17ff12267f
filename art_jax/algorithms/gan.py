"""Generative adversarial networks: DCGAN, conditional DCGAN, WGAN, WGAN-GP.

Goodfellow et al. 2014, "Generative Adversarial Networks", arXiv:1406.2661,
Algorithm 1; Arjovsky et al. 2017, "Wasserstein GAN", arXiv:1701.07875,
Algorithm 1. One class: the papers differ in the loss, in how often the
discriminator (the critic) learns, and in what keeps it in bounds.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax import core
from art_jax.algorithms import (
  attributes,
  gan_parts,
  gan_state,
  gan_updates,
  optim,
)
from art_jax.algorithms.attributes import Attribute
from art_jax.algorithms.gan_parts import CriticWarmup
from art_jax.algorithms.gan_state import GANState
from art_jax.losses.adversarial import AdversarialLoss, NonSaturating
from art_jax.nn.dcgan import DCGANDiscriminator, DCGANGenerator

_PAPER_ADAM = optim.Adam(learning_rate=2e-4, b1=0.5, b2=0.999)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GAN:
  """A generator against a discriminator.

  A step takes `n_critic` batches: D descends on each (real and fake pictures
  are separate passes, with batch statistics of their own), then G once.

  Attributes:
    generator: G: latents (and one-hot labels) to pictures.
    discriminator: D: pictures (and one-hot labels) to logits.
    loss: what both minimise.
    generator_optimizer: of G.
    discriminator_optimizer: of D; `clip_weights` makes a critic of it.
    num_classes: K of a conditional pair of networks; 0: no labels.
    attributes: what such a pair is told instead of a class: any number of
      `Category`, `Number` and `Palette`; () for none.
    n_critic: updates of D for one of G; 5 in WGAN.
    warmup: more updates of D at first and now and then; None: never.
    share_latents: G learns from the latents of D's last batch, as in the
      PyTorch DCGAN tutorial, which saves a pass; False draws new ones, as
      both papers do.
    real_range: D's targets for real pictures are drawn from this range.
    fake_range: and those for fakes from this one; (0, 0.2) with (0.8, 1), or
      (0, 0.3) with (0.7, 1), smooth the labels.
    flip_probability: of exchanging the two targets of a row.
    instance_noise: standard deviation of noise on all that D sees.
    noise_schedule: factor on it over time; None means constant.
    replay_every: show D old fakes at every so many updates; 0: never.
    r1_weight: gamma of the R1 penalty; 0: none.
    ema_decay: of the average of G that makes the pictures; 0: G itself.
    augment: names of differentiable augmentations of all that D sees, out of
      'colour', 'translation', 'cutout'.
  """

  aligned: ClassVar[bool] = False

  generator: nn.Module = DCGANGenerator()
  discriminator: nn.Module = DCGANDiscriminator()
  loss: AdversarialLoss = NonSaturating()
  generator_optimizer: optim.Optimizer = _PAPER_ADAM
  discriminator_optimizer: optim.Optimizer = _PAPER_ADAM
  num_classes: int = 0
  attributes: tuple[Attribute, ...] = ()
  n_critic: int = 1
  warmup: CriticWarmup | None = None
  share_latents: bool = True
  real_range: tuple[float, float] = (1.0, 1.0)
  fake_range: tuple[float, float] = (0.0, 0.0)
  flip_probability: float = 0.0
  instance_noise: float = 0.0
  noise_schedule: optim.Schedule | None = None
  replay_every: int = 0
  r1_weight: float = 0.0
  ema_decay: float = 0.0
  augment: tuple[str, ...] = ()

  def __post_init__(self):
    gan_parts.check(self)

  @property
  def inputs(self) -> tuple[str, ...]:
    """The keys of a batch that `step` reads."""
    if self.num_classes:
      return ('image', 'label')
    return ('image', *self.columns)

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
    y = jax.ShapeDtypeStruct((rows, width), jnp.float32)
    given = (y,) if width else ()
    return {
      'generator': (self.generator, (z, *given)),
      'discriminator': (self.discriminator, (images, *given)),
    }

  def init(
    self, key: core.Key, batch: core.Batch, pretrained: core.PyTree = ()
  ) -> GANState:
    """Return fresh networks; raises UserError if they do not fit the data."""
    del pretrained
    return gan_state.create(self, key, batch)

  def step(
    self, state: GANState, batch: core.Batch, key: core.Key
  ) -> tuple[GANState, core.Metrics]:
    """Update D on `n_critic` batches, then G.

    Args:
      state: of the step before.
      batch: image: f32[n_critic * B, H, W, C] in [-1, 1]; a conditional GAN
        reads label: i32[n_critic * B] too.
      key: PRNG key of this step.

    Returns:
      The next state and the value of every term of the losses.
    """
    return gan_updates.step(
      self,
      *(state, batch, key),
      gan_updates.discriminator_terms,
      gan_updates.generator_terms,
    )

  def render(
    self, state: GANState, batch: core.Batch, key: core.Key
  ) -> core.Images:
    """Return as many samples as the batch has pictures.

    With classes, each latent is drawn in every class in turn; with attributes
    each picture has those of one of the batch.

    Returns:
      samples: f32[N, H, W, C] in [-1, 1]; with attributes also asked, the
      pictures that theirs are taken from.
    """
    if not self.attributes:
      return gan_state.render(self, state, batch, key)
    z = self.latents(key, batch['image'].shape[0])
    samples = self.generate(self.inference(state), z, self.labels(batch))
    return {'samples': samples, 'asked': batch['image']}

  def inference(self, state: GANState) -> core.Params:
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
    del key
    if isinstance(labels, Mapping):
      labels = attributes.ask(self.attributes, labels, len(latents))
    return gan_state.generate(self, params, latents, labels)

  def score(
    self, params: core.Params, images: jax.Array, labels=None
  ) -> jax.Array:
    """Return D's logit of each picture, f32[N]; larger is more real."""
    given = self.given(labels)
    return self.discriminator.apply(
      params['discriminator'], images, *given, train=False
    )

  def given(self, labels: jax.Array | None) -> tuple[jax.Array, ...]:
    """Return what the networks take besides: the condition, or nothing."""
    if self.num_classes:
      return (gan_state.one_hot(labels, self.num_classes),)
    if not self.attributes:
      return ()
    if labels is None:
      names = ', '.join(one.name for one in self.attributes)
      raise core.UserError(
        f'this GAN is told attributes ({names}): pass labels={{name: value}}'
      )
    return (labels,)

  def labels(self, batch: core.Batch) -> jax.Array:
    """Return what G is told of each picture of a batch, a row for each."""
    if self.attributes:
      return attributes.observe(self.attributes, batch)
    return batch.get('label', jnp.zeros(batch['image'].shape[0], jnp.int32))
