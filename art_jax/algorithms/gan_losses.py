"""The terms of the losses of GAN and ACGAN, as the fields ask for them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from art_jax import core
from art_jax.algorithms import gan_updates
from art_jax.losses.adversarial import Relativistic, verdict

if TYPE_CHECKING:
  from art_jax.algorithms.acgan import ACGAN
  from art_jax.algorithms.gan import GAN
  from art_jax.algorithms.projected_gan import ProjectedGAN


def adversarial_terms(
  gan: 'GAN | ACGAN', real: jax.Array, fake: jax.Array, targets: jax.Array
) -> dict[str, jax.Array]:
  """Return the terms of D's loss that are of its logits.

  Args:
    gan: the algorithm.
    real: f32[B], D's logits of real pictures.
    fake: f32[B], those of fakes.
    targets: f32[B, 2], of both.
  """
  if isinstance(gan.loss, Relativistic):
    return {'loss/pairs': gan.loss.discriminator(real, fake)}
  return {
    'loss/real': gan.loss.real(real, targets[:, 0]),
    'loss/fake': gan.loss.fake(fake, targets[:, 1]),
  }


def generator_loss(
  gan: 'GAN | ACGAN',
  fake: jax.Array,
  judge_real: Callable[[], jax.Array],
) -> jax.Array:
  """Return the loss of G's fakes, f32[].

  Args:
    gan: the algorithm.
    fake: f32[B], D's logits of the fakes.
    judge_real: () -> f32[B], those of real pictures; called only by a loss of
      pairs, because it costs a pass.
  """
  if isinstance(gan.loss, Relativistic):
    return gan.loss.generator(fake, judge_real())
  return gan.loss.generator(fake)


def penalty_terms(
  gan: 'GAN | ACGAN',
  score: Callable[[jax.Array, jax.Array], jax.Array],
  x: jax.Array,
  g: jax.Array,
  rows: core.Batch,
) -> dict[str, jax.Array]:
  """Return the penalties on the gradient of D's logit that the fields ask for.

  Args:
    gan: the algorithm.
    score: (f32[B, H, W, C], labels) -> f32[B], D's logit.
    x: f32[B, H, W, C], real pictures as D sees them.
    g: f32[B, H, W, C], fakes as D sees them.
    rows: labels, fake_labels; keys: [B, 3] PRNG keys.
  """
  from art_jax.losses import penalties  # here: a loaded model has none

  def judge(images):
    return score(images, rows['labels'])

  terms, weight = {}, gan_updates.penalty_weight(gan)
  if weight:
    mix = jax.vmap(jax.random.uniform)(rows['keys'][:, 2])
    penalty = penalties.gradient_penalty(judge, x, g, mix)
    terms['loss/penalty'] = weight * penalty
  paired = gan.loss.gamma if isinstance(gan.loss, Relativistic) else 0.0
  r1_weight = gan.stabilizers.r1_weight or paired
  if r1_weight:
    terms['loss/r1'] = r1_weight * penalties.r1(judge, x)
  if paired:
    terms['loss/r2'] = paired * penalties.r1(
      lambda images: score(images, rows['fake_labels']), g
    )
  return terms


def scores(
  gan: 'GAN | ACGAN', real: jax.Array, fake: jax.Array
) -> dict[str, jax.Array]:
  """Return D's mean logits, and how often it is right where that is known."""
  return {
    'score/real': jnp.mean(real),
    'score/fake': jnp.mean(fake),
    **verdict(gan.loss.probability, real, fake),
  }


def total(terms: dict[str, jax.Array]) -> jax.Array:
  """Return the sum of the terms of a loss, f32[]."""
  return sum(terms.values(), jnp.float32(0))


def require_unpaired(gan: 'ACGAN | ProjectedGAN') -> None:
  """Raise UserError if the loss is one of pairs, which GAN alone trains."""
  core.require(
    not isinstance(gan.loss, Relativistic),
    f'algorithm.loss={gan.loss}: it is a loss of GAN, and this is a '
    f'{type(gan).__name__}; take NonSaturating(), LeastSquares() or Hinge(), '
    'or an experiment whose algorithm is GAN',
  )
