"""Projected GAN: discriminators that see features of a frozen network."""

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
  optim,
  projected_features,
  trainable,
)
from art_jax.algorithms.projected_features import ProjectedState
from art_jax.algorithms.stabilizers import Stabilizers
from art_jax.losses.adversarial import AdversarialLoss, Hinge, Wasserstein
from art_jax.nn import efficientnet_lite, fastgan, projected, pure

_PAPER_ADAM = optim.Adam(learning_rate=2e-4, b1=0.0, b2=0.99)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProjectedGAN:
  """A generator against discriminators D_l of fixed features P_l.

    min_G max_D  sum_l E[log D_l(P_l(x))] + E[log(1 - D_l(P_l(G(z))))],

  the logarithms in the form of the hinge loss. P_l are the features of a
  network trained on ImageNet at four scales, mixed across channels and scales
  by random convolutions; neither is ever trained.

  Reference: Sauer et al. 2021, arXiv:2111.01007, equation 2 and section 3.
  # Differs from the authors' code: G learns from the fakes that D has just
  # judged, with the same augmentation, which saves a pass of G and of P.

  Attributes:
    generator: G: latents (and one-hot labels) to pictures.
    features: the frozen network.
    weights: name or path of its weights; '': random ones, for tests.
    projection: the mixing of its features.
    projection_seed: of the mixing; the run's seed does not change it, so that
      networks of another run (--init_from) know the features.
    project_size: side to which pictures are resized before the network, a
      multiple of 32. # Differs from the paper: it enlarges pictures below 224
      px to 224 and leaves others as they are; 64 or 128 makes a step several
      times faster on a CPU, and D_l see features of parts instead of things.
    discriminator: the D_l, and with `pixel_width` one on the pixels.
    loss: what D_l and G minimize, summed over l.
    generator_optimizer: of G.
    discriminator_optimizer: of the D_l.
    num_classes: K of conditional networks; 0: no labels.
    stabilizers: the augmentation, the moving average and noise; the others of
      `GAN` are not for it.
  """

  aligned: ClassVar[bool] = False

  generator: nn.Module = fastgan.FastGANGenerator()
  features: efficientnet_lite.EfficientNetLite0 = (
    efficientnet_lite.EfficientNetLite0()
  )
  weights: str = 'efficientnet_lite0'
  projection: projected.Projection = projected.Projection()
  projection_seed: int = 0
  project_size: int = 224
  discriminator: projected.ProjectedDiscriminator = (
    projected.ProjectedDiscriminator()
  )
  loss: AdversarialLoss = Hinge()
  generator_optimizer: optim.Optimizer = _PAPER_ADAM
  discriminator_optimizer: optim.Optimizer = _PAPER_ADAM
  num_classes: int = 0
  stabilizers: Stabilizers = Stabilizers(
    ema_decay=0.998, augment=('color', 'translation', 'cutout')
  )

  def __post_init__(self):
    side, few = self.project_size, 'is 0 in a ProjectedGAN'
    fields.require_all(
      self,
      ('num_classes', self.num_classes >= 0, 'is >= 0 (0: none)'),
      (
        'project_size',
        side >= projected.MULTIPLE and side % projected.MULTIPLE == 0,
        f'is a multiple of {projected.MULTIPLE}',
      ),
      ('loss', not isinstance(self.loss, Wasserstein), 'bounds its logits'),
    )
    gan_losses.require_unpaired(self)
    self.stabilizers.require_loss(self.loss)
    fields.require_all(
      self.stabilizers,
      ('r1_weight', self.stabilizers.r1_weight == 0, few),
      ('replay_every', self.stabilizers.replay_every == 0, few),
      prefix='stabilizers.',
    )

  @property
  def inputs(self) -> tuple[str, ...]:
    """The keys of a batch that `step` reads."""
    return ('image', 'label') if self.num_classes else ('image',)

  def networks(self, batch: core.Batch) -> core.Networks:
    """Return G and the D_l, each with example inputs."""
    images = batch['image']
    rows = images.shape[0]
    z = jax.ShapeDtypeStruct((rows, self.generator.latent_size), jnp.float32)
    count = self.num_classes
    given = (jax.ShapeDtypeStruct((rows, count), jnp.float32),) if count else ()
    features = jax.eval_shape(
      functools.partial(projected_features.draw, self), jax.random.key(0)
    )
    seen = jax.eval_shape(
      functools.partial(projected_features.project, self), features, images
    )
    return {
      'generator': (self.generator, (z, *given)),
      'discriminator': (self.discriminator, (images, seen, *given)),
    }

  def pretrained(self, read_picture: core.PictureReader) -> core.PyTree:
    """Return the variables of the feature network; () for random ones.

    Raises:
      core.UserError: saying how to get its weights, if they are absent.
    """
    return projected_features.load(self)

  def init(
    self, key: core.Key, batch: core.Batch, pretrained: core.PyTree = ()
  ) -> ProjectedState:
    """Return fresh networks; raises UserError if they do not fit the data."""
    gan_state.require_pictures(self, batch['image'].shape)
    keys = jax.random.split(key, 3)
    networks = gan_state.create_networks(
      self, keys[:2], batch, len(batch['image'])
    )
    features = projected_features.draw(self, keys[2])
    if jax.tree.leaves(pretrained):
      features = {**features, 'network': pretrained}
    return ProjectedState(*networks, features, jnp.int32(0))

  def step(
    self, state: ProjectedState, batch: core.Batch, key: core.Key
  ) -> tuple[ProjectedState, core.Metrics]:
    """Update the D_l on real pictures and fakes, then G on these fakes.

    Args:
      state: of the step before.
      batch: image: f32[B, H, W, C] in [-1, 1]; with classes label: i32[B].
      key: PRNG key of this step.

    Returns:
      The next state and the value of every term of the losses.
    """
    latents_key, row_key, paint_key = jax.random.split(key, 3)
    x, labels = batch['image'], self.labels(batch)
    keys = jax.random.split(row_key, (len(x), 2))
    rows = {
      'z': self.latents(latents_key, len(x)),
      'labels': labels,
      'keys': keys[:, 1],
    }
    see = functools.partial(self._see, state)
    paint = functools.partial(self._paint, state, paint_key)
    fakes = trainable.forward_vjp(state.generator, paint, rows)
    discriminator, judged = trainable.descend(
      state.discriminator,
      self._discriminator_loss,
      self.discriminator_optimizer,
      state.clock,
      {'real': see(x, keys[:, 0]), 'fake': fakes.output, 'labels': labels},
    )
    generator, metrics = trainable.descend_vjp(
      state.generator,
      fakes,
      paint,
      functools.partial(self._generator_loss, discriminator),
      self.generator_optimizer,
      state.clock,
      rows,
    )
    decay, average = self.stabilizers.ema_decay, state.average
    if decay:
      average = trainable.ema(average, generator.variables, decay, state.clock)
    return state.replace(
      generator=generator,
      discriminator=discriminator,
      average=average,
      clock=state.clock + 1,
    ), judged | metrics

  def _see(
    self, state: ProjectedState, images: jax.Array, keys: core.Key
  ) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """Return pictures as the D_l see them: augmented, and their P_l."""
    seen = self.stabilizers.perturb(images, keys, state.clock)
    return seen, projected_features.project(self, state.features, seen)

  def _paint(self, state, key, params, collections, rows):
    """Return G(z) as the D_l see it, and G's collections; a `Forward`."""
    fakes, collections = pure.apply_train(
      self.generator,
      params,
      collections,
      rows['z'],
      *self.given(rows['labels']),
      key=key,
    )
    return self._see(state, fakes, rows['keys']), collections

  def _discriminator_loss(self, params, collections, rows):
    """Return sum_l loss.real(D_l(P_l(x))) + loss.fake(D_l(P_l(G(z))))."""
    judge = functools.partial(pure.apply_train, self.discriminator, params)
    y = self.given(rows['labels'])
    # Two passes: real and fake pictures have batch statistics of their own.
    real, collections = judge(collections, *rows['real'], *y)
    fake, collections = judge(collections, *rows['fake'], *y)
    terms = {
      'loss/real': sum(map(self.loss.real, real), jnp.float32(0)),
      'loss/fake': sum(map(self.loss.fake, fake), jnp.float32(0)),
    }
    loss = gan_losses.total(terms)
    metrics = {
      'loss/discriminator': loss,
      **terms,
      'score/real': jnp.mean(_mean(real)),
      'score/fake': jnp.mean(_mean(fake)),
    }
    return loss, (collections, metrics)

  def _generator_loss(self, discriminator, seen, rows):
    """Return sum_l loss.generator(D_l(P_l(G(z)))); the D_l are constant."""
    logits, _ = pure.apply_train(
      self.discriminator,
      discriminator.params,
      discriminator.collections,
      *seen,
      *self.given(rows['labels']),
    )
    loss = sum(map(self.loss.generator, logits), jnp.float32(0))
    return loss, {'loss/generator': loss}

  def render(
    self, state: ProjectedState, batch: core.Batch, key: core.Key
  ) -> core.Images:
    """Return samples: f32[N, H, W, C], with classes in every class in turn."""
    return gan_state.render(self, state, batch, key)

  def inference(self, state: ProjectedState) -> core.Params:
    """Return the variables of G (its average), the D_l and the features."""
    return {
      **gan_state.inference(self, state),
      'features': state.features,
    }

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
    """Make a picture of each latent.

    Args:
      params: what `inference` returned.
      latents: f32[N, latent_size].
      labels: i32[N] in [0, num_classes) with classes.
      key: not used; a latent has one picture.

    Returns:
      f32[N, H, W, C] in [-1, 1].

    Raises:
      core.UserError: labels are missing, or latents have another width.
    """
    return gan_state.generate(self, params, latents, labels)

  def score(
    self, params: core.Params, images: jax.Array, labels=None
  ) -> jax.Array:
    """Return the mean logit of the D_l for each picture, f32[N]."""
    logits = pure.apply(
      self.discriminator,
      params['discriminator'],
      images,
      projected_features.project(self, params['features'], images),
      *self.given(labels),
      train=False,
    )
    return _mean(logits)

  def given(self, labels: jax.Array | None) -> tuple[jax.Array, ...]:
    """Return the networks' last argument: one-hot labels, if there are."""
    return (
      (gan_state.one_hot(labels, self.num_classes),) if self.num_classes else ()
    )

  def labels(self, batch: core.Batch) -> jax.Array:
    """Return the class of each picture of a batch, i32[B]."""
    return batch.get('label', jnp.zeros(batch['image'].shape[0], jnp.int32))


def _mean(logits) -> jax.Array:
  """Return f32[B], the mean over discriminators of their mean logits."""
  return jnp.mean(jnp.stack([x.mean(axis=1) for x in logits]), axis=0)
