"""Auxiliary classifier GANs: the discriminator names the class as well.

Odena, Olah, Shlens 2017, "Conditional Image Synthesis with Auxiliary Classifier
GANs", arXiv:1610.09585. With `loss=Wasserstein(penalty_weight=10)` and
`fake_class_weight=0` it is GANGogh (Jones & Bonafilia 2017).
"""

import dataclasses
import functools
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax import core
from art_jax.algorithms import (
  fields,
  gan_losses,
  gan_state,
  gan_updates,
  optim,
  passes,
  trainable,
)
from art_jax.algorithms.stabilizers import CriticWarmup, Stabilizers
from art_jax.losses.adversarial import (
  AdversarialLoss,
  NonSaturating,
  class_cross_entropy,
)
from art_jax.nn import acgan, pure

_PAPER_ADAM = optim.Adam(learning_rate=2e-4, b1=0.5, b2=0.999)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ACGAN:
  """A generator given the class, a discriminator that must name it.

  D has two heads: s, a logit of being real, and c, logits of the class. With
  the paper's losses

    L_S = E[log P(S = real | x)] + E[log P(S = fake | G(z, y))]
    L_C = E[log P(C = y | x)] + E[log P(C = y | G(z, y))]

  D maximizes L_S + L_C and G maximizes L_C - L_S, here in its non-saturating
  form. The fakes of a batch have the classes of its real pictures.

  Attributes:
    generator: G: latents and one-hot labels to pictures.
    discriminator: D: pictures to a logit and class logits; its `num_classes`
      is K.
    loss: of the first head, what both minimize.
    class_weight: weight of D's class loss on real pictures; 1 in the paper.
    fake_class_weight: weight of D's class loss on fakes: 1 in the paper, 0 in
      GANGogh.
    generator_class_weight: weight of the class loss in G's; 1 in both.
    generator_optimizer: of G.
    discriminator_optimizer: of D.
    n_critic: updates of D for one of G; 5 in GANGogh.
    warmup: more updates of D before some updates of G; None: never.
    share_latents: G learns from the latents of D's last batch; False draws
      new ones.
    stabilizers: as of `GAN`; penalties are on the first head alone.
  """

  inputs: ClassVar[tuple[str, ...]] = ('image', 'label')
  aligned: ClassVar[bool] = False
  num_classes_field: ClassVar[str] = 'algorithm.discriminator.num_classes'

  generator: nn.Module = acgan.ACGANGenerator()
  discriminator: nn.Module = acgan.ACGANDiscriminator()
  loss: AdversarialLoss = NonSaturating()
  class_weight: float = 1.0
  fake_class_weight: float = 1.0
  generator_class_weight: float = 1.0
  generator_optimizer: optim.Optimizer = _PAPER_ADAM
  discriminator_optimizer: optim.Optimizer = _PAPER_ADAM
  n_critic: int = 1
  warmup: CriticWarmup | None = None
  share_latents: bool = True
  stabilizers: Stabilizers = Stabilizers()

  def __post_init__(self):
    gan_losses.require_unpaired(self)
    gan_updates.require_fields(self)
    for name in ('class_weight', 'fake_class_weight', 'generator_class_weight'):
      fields.require_all(self, (name, getattr(self, name) >= 0, 'is >= 0'))

  @property
  def num_classes(self) -> int:
    """K, the number of classes that D tells apart."""
    return self.discriminator.num_classes

  @property
  def batches_per_step(self) -> int:
    """Batches that one step takes: one for each update of D."""
    return self.n_critic

  def networks(self, batch: core.Batch) -> core.Networks:
    """Return G and D, each with example inputs."""
    images = batch['image']
    rows = images.shape[0]
    z = jax.ShapeDtypeStruct((rows, self.generator.latent_size), jnp.float32)
    y = jax.ShapeDtypeStruct((rows, self.num_classes), jnp.float32)
    return {
      'generator': (self.generator, (z, y)),
      'discriminator': (self.discriminator, (images,)),
    }

  def init(
    self, key: core.Key, batch: core.Batch, pretrained: core.PyTree = ()
  ) -> gan_state.GANState:
    """Return fresh networks; raises UserError if they do not fit the data."""
    return gan_state.create(self, key, batch)

  def step(
    self, state: gan_state.GANState, batch: core.Batch, key: core.Key
  ) -> tuple[gan_state.GANState, core.Metrics]:
    """Update D on `n_critic` batches, then G.

    Args:
      state: of the step before.
      batch: image: f32[n_critic * B, H, W, C] in [-1, 1], and label:
        i32[n_critic * B].
      key: PRNG key of this step.

    Returns:
      The next state, the value of every term of the losses, and the share of
      real pictures and of fakes whose class D names.
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
    """Return -(L_S + L_C) and penalties, for `descend`; see `GAN`."""
    judge = functools.partial(pure.apply_train, self.discriminator, params)
    x, g = gan_updates.perturb_pair(self, rows, clock)
    y, fake_y = rows['labels'], rows['fake_labels']
    judged, collections = passes.apply_each(
      *(self.discriminator, params, collections, [(x,), (g,)]),
      keys=[jax.random.fold_in(key, i) for i in range(2)],
    )
    (real, real_class), (fake, fake_class) = judged
    terms = {
      'loss/real': self.loss.real(real, rows['targets'][:, 0]),
      'loss/fake': self.loss.fake(fake, rows['targets'][:, 1]),
      'loss/class_real': self.class_weight * class_cross_entropy(real_class, y),
    }
    if self.fake_class_weight:
      terms['loss/class_fake'] = self.fake_class_weight * class_cross_entropy(
        fake_class, fake_y
      )
    terms |= gan_losses.penalty_terms(
      self,
      lambda images, labels: judge(collections, images, key=key)[0][0],
      *(x, g, rows),
    )
    loss = gan_losses.total(terms)
    metrics = terms | gan_losses.scores(self, real, fake)
    metrics['accuracy/real'] = _accuracy(real_class, y)
    metrics['accuracy/fake'] = _accuracy(fake_class, fake_y)
    return loss, (collections, {'loss/discriminator': loss} | metrics)

  def _generator_loss(
    self,
    key: core.Key,
    state: gan_state.GANState,
    fake: jax.Array,
    rows: core.Batch,
  ) -> tuple[jax.Array, core.Metrics]:
    """Return L_S - L_C of fakes, for `descend_vjp`; D is a constant."""
    d = state.discriminator
    (source, classes), _ = pure.apply_train(
      self.discriminator,
      d.params,
      d.collections,
      self.stabilizers.perturb(fake, rows['keys'], state.clock),
      key=jax.random.fold_in(key, 0),
    )
    terms = {
      'loss/adversarial': self.loss.generator(source),
      'loss/class': self.generator_class_weight
      * class_cross_entropy(classes, rows['labels']),
    }
    loss = gan_losses.total(terms)
    return loss, terms | {'loss/generator': loss}

  def render(
    self, state: gan_state.GANState, batch: core.Batch, key: core.Key
  ) -> core.Images:
    """Return samples: f32[N, H, W, C], each latent in every class in turn."""
    return gan_state.render(self, state, batch, key)

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
    labels: jax.Array | None = None,
    *,
    key: core.Key | None = None,
  ) -> jax.Array:
    """Make a picture of each latent in its class.

    Args:
      params: what `inference` returned.
      latents: f32[N, latent_size].
      labels: i32[N] in [0, num_classes).
      key: not used; a latent has one picture in each class.

    Returns:
      f32[N, H, W, C] in [-1, 1].

    Raises:
      core.UserError: labels are missing, or latents have another width.
    """
    return gan_state.generate(self, params, latents, labels)

  def score(
    self, params: core.Params, images: jax.Array, labels=None
  ) -> jax.Array:
    """Return D's logit of each picture, f32[N]; larger is more real.

    The first head does not see the labels; `classify` names the class.
    """
    return self._judge(params, images)[0]

  def classify(self, params: core.Params, images: jax.Array) -> jax.Array:
    """Return D's class logits of each picture, f32[N, K]."""
    return self._judge(params, images)[1]

  def given(self, labels: jax.Array | None) -> tuple[jax.Array, ...]:
    """Return what G takes besides: one-hot labels; D takes nothing."""
    return (gan_state.one_hot(labels, self.num_classes),)

  def labels(self, batch: core.Batch) -> jax.Array:
    """Return the label of each picture of a batch, i32[B]."""
    return batch['label']

  def _judge(
    self, params: core.Params, images: jax.Array
  ) -> tuple[jax.Array, jax.Array]:
    return pure.apply(
      self.discriminator, params['discriminator'], images, train=False
    )


def _accuracy(logits: jax.Array, labels: jax.Array) -> jax.Array:
  return jnp.mean((jnp.argmax(logits, axis=1) == labels).astype(jnp.float32))
