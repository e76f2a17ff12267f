"""The step of a GAN: updates of the discriminator, then of the generator."""

import jax
import jax.numpy as jnp

from art_jax.algorithms import augment, gan_parts, replay, trainable
from art_jax.algorithms.gan_parts import Runner
from art_jax.losses import penalties
from art_jax.losses.adversarial import verdict


def step(gan, state, batch, key, discriminator_terms, generator_terms):
  """Update D on `n_critic` batches, then G.

  Args:
    gan: the algorithm.
    state: its `GANState`.
    batch: `n_critic` batches.
    key: PRNG key of this step.
    discriminator_terms: (gan, judge, batch, clock) -> the terms of L_D and
      other metrics; see `update_discriminator`.
    generator_terms: (gan, judge, pictures, labels) -> the terms of L_G.

  Returns:
    The next state and the metrics.
  """
  batches = trainable.split_batch(
    {name: batch[name] for name in gan.inputs}, gan.n_critic
  )
  latents_key, *round_keys, generator_key = jax.random.split(
    key, gan.n_critic + 2
  )
  rows = batch['image'].shape[0] // gan.n_critic
  # Unrolled: XLA:CPU runs convolutions inside a loop 3 to 13 times slower.
  for i, round_key in enumerate(round_keys):
    real = jax.tree.map(lambda x, i=i: x[i], batches)
    z = gan.latents(jax.random.fold_in(latents_key, i), rows)
    state, discriminator_metrics, later = update_discriminator(
      gan, state, real, z, round_key, discriminator_terms
    )
  if not gan.share_latents:
    z = gan.latents(jax.random.fold_in(latents_key, gan.n_critic), rows)
  if not gan.share_latents or gan.generator_optimizer.accumulate > 1:
    later = None
  state, metrics = update_generator(
    gan, state, real, z, generator_key, generator_terms, later
  )
  state = state.replace(clock=state.clock + 1)
  return state, discriminator_metrics | metrics


def update_discriminator(gan, state, real, z, key, terms_of):
  """Descend L_D, the sum of its terms, of real pictures and fakes.

  G is a constant.

  Args:
    gan: the algorithm.
    state: its state.
    real: image: f32[B, H, W, C] in [-1, 1], and what `gan.labels` reads.
    z: f32[B, latent_size].
    key: PRNG key.
    terms_of: (gan, judge, batch, clock) -> the terms and other metrics; the
      batch has real, fake, labels, fake_labels, targets and keys.

  Returns:
    The state with another D (and replay), the metrics, and the pass of G for
    `update_generator` to go back through.
  """
  row_key, target_key, generator_key, key = jax.random.split(key, 4)
  rows = z.shape[0]
  labels = fake_labels = gan.labels(real)

  def paint(params, collections):
    run = Runner(gan.generator, params, collections, generator_key)
    return run(z, *gan.given(labels)), run.collections

  # G is a constant here; its batch statistics move in its own loss alone.
  fake, later = trainable.ahead(state.generator, paint)
  memory = state.replay
  if gan.replay_every:
    memory, fake, fake_labels = replay.exchange(
      memory, fake, labels, gan.replay_every
    )

  def loss_fn(params, collections, batch):
    judge = Runner(gan.discriminator, params, collections, key)
    terms, others = terms_of(gan, judge, batch, state.clock)
    loss = sum(terms.values())
    metrics = {'loss/discriminator': loss} | terms | others
    return loss, (judge.collections, metrics)

  discriminator, metrics = trainable.descend(
    state.discriminator,
    loss_fn,
    gan.discriminator_optimizer,
    state.clock,
    {
      'real': real['image'],
      'fake': fake,
      'labels': labels,
      'fake_labels': fake_labels,
      'targets': gan_parts.draw_targets(gan, target_key, rows),
      'keys': jax.random.split(row_key, (rows, 3)),
    },
  )
  state = state.replace(discriminator=discriminator, replay=memory)
  return state, metrics, later


def discriminator_terms(gan, judge, batch, clock):
  """Return loss.real(D(x)) + loss.fake(D(G(z))) + penalties, by term."""
  given, fake_given = map(gan.given, (batch['labels'], batch['fake_labels']))
  x, g = seen_pair(gan, batch, clock)
  # Two passes: real and fake pictures have batch statistics of their own.
  real, fake = judge(x, *given), judge(g, *fake_given)
  terms = source_terms(gan, real, fake, batch['targets'])
  terms |= penalty_terms(gan, judge.constant(*given), x, g, batch['keys'])
  return terms, scores(gan, real, fake)


def scores(gan, real, fake):
  """Return D's mean logits, and how often it is right where that is known."""
  means = {'score/real': jnp.mean(real), 'score/fake': jnp.mean(fake)}
  return means | verdict(gan.loss.probability, real, fake)


def seen_pair(gan, batch, clock):
  """Return the real pictures and the fakes of a batch as D sees them."""
  keys = batch['keys']
  return (
    seen(gan, batch['real'], keys[:, 0], clock),
    seen(gan, batch['fake'], keys[:, 1], clock),
  )


def source_terms(gan, real, fake, targets):
  """Return the two terms of D's logits on real pictures and on fakes."""
  return {
    'loss/real': gan.loss.real(real, targets[:, 0]),
    'loss/fake': gan.loss.fake(fake, targets[:, 1]),
  }


def penalty_terms(gan, score, x, g, keys):
  """Return the penalties on the gradient of D's logits, as far as asked for."""
  terms = {}
  weight = getattr(gan.loss, 'penalty_weight', 0.0)
  if weight:
    mix = jax.vmap(jax.random.uniform)(keys[:, 2])
    terms['loss/penalty'] = weight * penalties.gradient_penalty(
      score, x, g, mix
    )
  if gan.r1_weight:
    terms['loss/r1'] = gan.r1_weight * penalties.r1(score, x)
  return terms


def generator_terms(gan, judge, pictures, labels):
  """Return loss.generator(D(G(z))), the only term of L_G."""
  return {
    'loss/generator': gan.loss.generator(judge(pictures, *gan.given(labels)))
  }


def update_generator(gan, state, real, z, key, terms_of, later=None):
  """Descend L_G, the sum of its terms, if it is G's turn.

  D is a constant.

  Args:
    gan: the algorithm.
    state: its state, after D's updates.
    real: gives the labels of the fakes, where there are classes.
    z: f32[B, latent_size].
    key: PRNG key.
    terms_of: (gan, judge, pictures, labels) -> the terms.
    later: what `update_discriminator` returned, if its fakes are those of z and
      the batch is not sliced; None: G runs once more.

  Returns:
    The state with another G, and the metrics.
  """
  generator_key, discriminator_key, row_key = jax.random.split(key, 3)
  d = state.discriminator

  batch = {
    'z': z,
    'labels': gan.labels(real),
    'keys': jax.random.split(row_key, z.shape[0]),
  }

  def loss_of(fake, batch):
    judge = Runner(
      gan.discriminator, d.params, d.collections, discriminator_key
    )
    pictures = seen(gan, fake, batch['keys'], state.clock)
    terms = terms_of(gan, judge, pictures, batch['labels'])
    loss = sum(terms.values())
    return loss, terms | {'loss/generator': loss}

  def loss_fn(params, collections, batch):
    run = Runner(gan.generator, params, collections, generator_key)
    fake = run(batch['z'], *gan.given(batch['labels']))
    loss, metrics = loss_of(fake, batch)
    return loss, (run.collections, metrics)

  optimizer, model = gan.generator_optimizer, state.generator
  if later is None:
    generator, metrics = trainable.descend(
      model, loss_fn, optimizer, state.clock, batch
    )
  else:
    generator, metrics = trainable.descend_later(
      *(model, later, lambda fake: loss_of(fake, batch)),
      *(optimizer, state.clock),
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
