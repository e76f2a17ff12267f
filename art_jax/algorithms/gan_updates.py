"""The two updates that a step of GAN or ACGAN is made of."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from art_jax import core
from art_jax.algorithms import (
  attributes,
  fields,
  gan_state,
  trainable,
)
from art_jax.losses.adversarial import Relativistic
from art_jax.nn import pure

if TYPE_CHECKING:
  from art_jax.algorithms.acgan import ACGAN
  from art_jax.algorithms.gan import GAN

# (key, clock, params, collections, rows) -> (loss f32[], (collections, aux)).
DiscriminatorLoss = Callable[
  [core.Key, jax.Array, core.Params, trainable.Collections, core.Batch],
  tuple[jax.Array, tuple[trainable.Collections, core.Metrics]],
]
# (key, state, fakes, rows) -> (loss f32[], aux).
GeneratorLoss = Callable[
  [core.Key, gan_state.GANState, jax.Array, core.Batch],
  tuple[jax.Array, core.Metrics],
]


def batches(gan: 'GAN | ACGAN', batch: core.Batch) -> list[core.Batch]:
  """Return the batches of the `n_critic` updates of D in one step."""
  return trainable.split_batch(
    {name: batch[name] for name in gan.inputs}, gan.n_critic
  )


def update_discriminator(
  gan: 'GAN | ACGAN',
  state: gan_state.GANState,
  real: core.Batch,
  z: jax.Array,
  key: core.Key,
  loss_fn: DiscriminatorLoss,
) -> tuple[gan_state.GANState, trainable.Pass, core.Metrics]:
  """Descend D's loss on real pictures and on the fakes of z.

  Args:
    gan: the algorithm.
    state: its state.
    real: image: f32[B, H, W, C] in [-1, 1], and what `gan.labels` reads.
    z: f32[B, latent_size].
    key: PRNG key of this update.
    loss_fn: (key, clock, params, collections, rows) -> (f32[], (collections,
      metrics)).

  Returns:
    The state with a new D, G(z) with its VJP, and the metrics of D.
  """
  row_key, target_key, paint_key, judge_key = jax.random.split(key, 4)
  labels = fake_labels = gan.labels(real)
  # G is a constant here; its batch statistics move in its own loss alone.
  fakes = trainable.forward_vjp(
    state.generator, _painter(gan, paint_key), {'z': z, 'labels': labels}
  )
  memory, fake, every = state.replay, fakes.output, gan.stabilizers.replay_every
  if every:
    memory, fake, fake_labels = gan_state.exchange(memory, fake, labels, every)
  discriminator, metrics = trainable.descend(
    state.discriminator,
    functools.partial(loss_fn, judge_key, state.clock),
    gan.discriminator_optimizer,
    state.clock,
    {
      'real': real['image'],
      'fake': fake,
      'labels': labels,
      'fake_labels': fake_labels,
      'targets': gan.stabilizers.draw_targets(target_key, len(z)),
      'keys': jax.random.split(row_key, (len(z), 3)),
    },
  )
  return (
    state.replace(discriminator=discriminator, replay=memory),
    fakes,
    metrics,
  )


def update_generator(
  gan: 'GAN | ACGAN',
  state: gan_state.GANState,
  real: core.Batch,
  z: jax.Array,
  key: core.Key,
  loss_fn: GeneratorLoss,
  fakes: trainable.Pass | None,
) -> tuple[gan_state.GANState, core.Metrics]:
  """Descend G's loss, and take the step if it is G's turn.

  Args:
    gan: the algorithm.
    state: after D's updates.
    real: gives the labels of the fakes, and what a paired loss compares.
    z: f32[B, latent_size].
    key: PRNG key of this update.
    loss_fn: (key, state, fake, rows) -> (f32[], metrics).
    fakes: G(z) with its VJP, where D has seen it; None: G draws it here.

  Returns:
    The state at the end of the step, and the metrics of G.
  """
  paint_key, judge_key, row_key = jax.random.split(key, 3)
  generator, metrics = trainable.descend_vjp(
    state.generator,
    fakes,
    _painter(gan, paint_key),
    functools.partial(loss_fn, judge_key, state),
    gan.generator_optimizer,
    state.clock,
    {
      'z': z,
      'real': real['image'],
      'labels': gan.labels(real),
      'keys': jax.random.split(row_key, len(z)),
    },
  )
  state, turn = _finish(gan, state, generator)
  return state, metrics | turn


def _painter(gan: 'GAN | ACGAN', key: core.Key) -> trainable.Forward:
  """Return (params, collections, {z, labels}) -> (G(z), collections)."""
  key = jax.random.fold_in(key, 0)

  def paint(params, collections, rows):
    return pure.apply_train(
      gan.generator,
      params,
      collections,
      rows['z'],
      *gan.given(rows['labels']),
      key=key,
    )

  return paint


def _finish(
  gan: 'GAN | ACGAN', state: gan_state.GANState, generator: trainable.Trainable
) -> tuple[gan_state.GANState, core.Metrics]:
  """Return the state at the end of a step: with the new G, if it is G's turn.

  Args:
    gan: the algorithm.
    state: after D's updates.
    generator: G after its update.

  Returns:
    The state, and with a warm-up whether G moved.
  """
  decay, moved = gan.stabilizers.ema_decay, state.generator_steps
  new = state.replace(
    generator=generator, generator_steps=moved + 1, waiting=jnp.int32(0)
  )
  if decay:
    average = trainable.ema(state.average, generator.variables, decay, moved)
    new = new.replace(average=average)
  turn = {}
  if gan.warmup is not None:
    waiting = state.waiting + gan.n_critic
    due = waiting >= gan.warmup.needed(moved, gan.n_critic)
    old = state.replace(waiting=waiting)
    # Both are computed and one is chosen: a branch would be slower on CPU.
    new = jax.tree.map(lambda n, o: jnp.where(due, n, o), new, old)
    turn = {'update/generator': due.astype(jnp.float32)}
  return new.replace(clock=state.clock + 1), turn


def perturb_pair(
  gan: 'GAN | ACGAN', rows: core.Batch, clock: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """Return the real pictures and the fakes of a round as D sees them."""
  perturb, keys = gan.stabilizers.perturb, rows['keys']
  return (
    perturb(rows['real'], keys[:, 0], clock),
    perturb(rows['fake'], keys[:, 1], clock),
  )


def penalty_weight(gan: 'GAN | ACGAN') -> float:
  """Return the weight of the loss's gradient penalty, 0 if it has none."""
  return getattr(gan.loss, 'penalty_weight', 0.0)


def require_fields(gan: 'GAN | ACGAN') -> None:
  """Raise UserError unless the fields of a GAN are in range and agree."""
  attributes.require_distinct(core.attributes(gan), gan.num_classes)
  fields.require_all(
    gan,
    ('n_critic', gan.n_critic >= 1, 'is at least 1'),
    ('num_classes', gan.num_classes >= 0, 'is >= 0 (0: none)'),
  )
  gan.stabilizers.require_loss(gan.loss)
  penalized = gan.stabilizers.r1_weight or penalty_weight(gan)
  if isinstance(gan.loss, Relativistic):
    penalized = gan.loss.gamma
    fields.require(
      'stabilizers.r1_weight',
      gan.stabilizers.r1_weight,
      gan.stabilizers.r1_weight == 0,
      'is 0 with Relativistic, which has the R1 penalty itself',
      'pass --set algorithm.loss.gamma=... instead',
    )
  core.require(
    not penalized or getattr(gan.discriminator, 'norm', None) != 'batch',
    "algorithm.discriminator.norm='batch' mixes the pictures of a batch, but "
    'a gradient penalty is one per picture; pass --set '
    'algorithm.discriminator.norm=instance_affine (or layer, or none)',
  )
