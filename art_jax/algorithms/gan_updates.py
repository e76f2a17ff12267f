"""The two updates of a GAN: of the discriminator, and of the generator."""

import jax
import jax.numpy as jnp

from art_jax import trainable
from art_jax.algorithms import augment, gan_parts, replay
from art_jax.algorithms.gan_parts import Runner
from art_jax.losses import penalties
from art_jax.losses.adversarial import verdict


def update_discriminator(gan, state, real, z, key):
  """Descend L_D = loss.real(D(x)) + loss.fake(D(G(z))) + penalties.

  G is a constant.

  Args:
    gan: the `GAN`.
    state: its state.
    real: image: f32[B, H, W, C] in [-1, 1], and label: i32[B] with classes.
    z: f32[B, latent_size].
    key: PRNG key.

  Returns:
    The state with another D (and replay), and the metrics.
  """
  row_key, target_key, generator_key, key = jax.random.split(key, 4)
  rows = z.shape[0]
  labels = fake_labels = real.get('label', jnp.zeros(rows, jnp.int32))
  # G is a constant here; its batch statistics move in its own loss alone.
  run = Runner(
    gan.generator,
    *(state.generator.params, state.generator.collections, generator_key),
  )
  fake, memory = run(z, *gan.given(labels)), state.replay
  if gan.replay_every:
    memory, fake, fake_labels = replay.exchange(
      memory, fake, labels, gan.replay_every
    )

  def loss_fn(params, collections, batch):
    judge = Runner(gan.discriminator, params, collections, key)
    terms, scores = _terms(gan, judge, batch, state.clock)
    loss = sum(terms.values())
    metrics = {'loss/discriminator': loss} | terms | scores
    return loss, (judge.collections, metrics)

  discriminator, metrics = trainable.descend(
    state.discriminator,
    loss_fn,
    gan.discriminator_optimizer,
    state.clock,
    {
      'real': real['image'],
      'fake': fake,
      'given': gan.given(labels),
      'fake_given': gan.given(fake_labels),
      'targets': gan_parts.draw_targets(gan, target_key, rows),
      'keys': jax.random.split(row_key, (rows, 3)),
    },
  )
  return state.replace(discriminator=discriminator, replay=memory), metrics


def _terms(gan, judge, batch, clock):
  """Return the terms of L_D, whose sum it is, and what D thinks."""
  given, targets, keys = batch['given'], batch['targets'], batch['keys']
  x = seen(gan, batch['real'], keys[:, 0], clock)
  g = seen(gan, batch['fake'], keys[:, 1], clock)
  # Two passes: real and fake pictures have batch statistics of their own.
  real, fake = judge(x, *given), judge(g, *batch['fake_given'])
  terms = {
    'loss/real': gan.loss.real(real, targets[:, 0]),
    'loss/fake': gan.loss.fake(fake, targets[:, 1]),
  }
  weight = getattr(gan.loss, 'penalty_weight', 0.0)
  if weight:
    mix = jax.vmap(jax.random.uniform)(keys[:, 2])
    terms['loss/penalty'] = weight * penalties.gradient_penalty(
      judge.constant(*given), x, g, mix
    )
  if gan.r1_weight:
    terms['loss/r1'] = gan.r1_weight * penalties.r1(judge.constant(*given), x)
  scores = {'score/real': jnp.mean(real), 'score/fake': jnp.mean(fake)}
  return terms, scores | verdict(gan.loss.probability, real, fake)


def update_generator(gan, state, real, z, key):
  """Descend L_G = loss.generator(D(G(z))), if it is G's turn.

  D is a constant.

  Args:
    gan: the `GAN`.
    state: its state, after D's updates.
    real: gives the labels of the fakes, where there are classes.
    z: f32[B, latent_size].
    key: PRNG key.

  Returns:
    The state with another G, and the metrics.
  """
  generator_key, discriminator_key, row_key = jax.random.split(key, 3)
  d = state.discriminator

  def loss_fn(params, collections, batch):
    run = Runner(gan.generator, params, collections, generator_key)
    judge = Runner(
      gan.discriminator, d.params, d.collections, discriminator_key
    )
    fake = run(batch['z'], *batch['given'])
    pictures = seen(gan, fake, batch['keys'], state.clock)
    loss = gan.loss.generator(judge(pictures, *batch['given']))
    return loss, (run.collections, {'loss/generator': loss})

  labels = real.get('label', jnp.zeros(z.shape[0], jnp.int32))
  generator, metrics = trainable.descend(
    state.generator,
    loss_fn,
    gan.generator_optimizer,
    state.clock,
    {
      'z': z,
      'given': gan.given(labels),
      'keys': jax.random.split(row_key, z.shape[0]),
    },
  )
  new = state.replace(
    generator=generator,
    generator_steps=state.generator_steps + 1,
    waiting=jnp.int32(0),
  )
  if gan.ema_decay:
    average = trainable.ema(
      state.average,
      generator.variables,
      gan.ema_decay,
      state.generator_steps,
    )
    new = new.replace(average=average)
  state, turns = gan_parts.take_turns(gan, state, new)
  return state, metrics | turns


def seen(gan, images, keys, clock):
  """Return the pictures as D sees them: with noise, and augmented."""
  if gan.instance_noise:
    scale = jnp.float32(gan.instance_noise)
    if gan.noise_schedule is not None:
      scale *= gan.noise_schedule.factor(clock)
    noise = jax.vmap(lambda key: jax.random.normal(key, images.shape[1:]))
    images += scale * noise(keys)
  return augment.augment(images, keys, gan.augment)
