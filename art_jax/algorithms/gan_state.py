"""What a GAN learns and remembers, and how it begins and draws."""

from typing import Any

import flax
import jax
import jax.numpy as jnp

from art_jax import core
from art_jax.algorithms import gan_parts, replay, trainable
from art_jax.algorithms.trainable import Trainable


class GANState(flax.struct.PyTreeNode):
  """Everything a GAN learns or remembers.

  Attributes:
    generator: G and its optimiser.
    discriminator: D, or the critic, and its optimiser.
    average: moving average of G's variables; () without one.
    replay: fakes shown before; () without.
    generator_steps: i32[], updates of G.
    waiting: i32[], updates of D since the last one of G.
    clock: i32[], steps taken; the schedules read it.
  """

  generator: Trainable
  discriminator: Trainable
  average: core.Params
  replay: Any
  generator_steps: jax.Array
  waiting: jax.Array
  clock: jax.Array


def create(gan: Any, key: core.Key, batch: core.Batch) -> GANState:
  """Return fresh networks; raises UserError if they do not fit the data."""
  images = batch['image'][: batch['image'].shape[0] // gan.n_critic]
  gan_parts.check_pictures(gan, images.shape)
  generator_key, discriminator_key = jax.random.split(key)
  examples = {
    name: [jnp.zeros((len(images), *x.shape[1:]), x.dtype) for x in inputs]
    for name, (_, inputs) in gan.networks(batch).items()
  }
  generator = trainable.create(
    gan.generator,
    generator_key,
    *examples['generator'],
    optimizer=gan.generator_optimizer,
  )
  return GANState(
    generator=generator,
    discriminator=trainable.create(
      gan.discriminator,
      discriminator_key,
      *examples['discriminator'],
      optimizer=gan.discriminator_optimizer,
    ),
    # A copy: a donated state may not hold one array twice.
    average=jax.tree.map(jnp.copy, generator.variables)
    if gan.ema_decay
    else (),
    replay=replay.create(images, gan.labels(batch)[: len(images)])
    if gan.replay_every
    else (),
    generator_steps=jnp.int32(0),
    waiting=jnp.int32(0),
    clock=jnp.int32(0),
  )


def inference(gan: Any, state: GANState) -> core.Params:
  """Return the variables of the generator (its average) and of D."""
  generator = state.average if gan.ema_decay else state.generator.variables
  return {
    'generator': generator,
    'discriminator': state.discriminator.variables,
  }


def render(
  gan: Any, state: GANState, batch: core.Batch, key: core.Key
) -> core.Images:
  """Return as many samples as the batch has pictures.

  With classes, each latent is drawn in every class in turn.
  """
  rows = jnp.arange(batch['image'].shape[0])
  z = gan.latents(key, rows.size)
  labels = None
  if gan.num_classes:
    z, labels = z[rows // gan.num_classes], rows % gan.num_classes
  return {'samples': gan.generate(gan.inference(state), z, labels)}


def generate(
  gan: Any, params: core.Params, latents: jax.Array, labels: Any
) -> jax.Array:
  """Return f32[N, H, W, C], the pictures of latents f32[N, latent_size].

  Raises:
    core.UserError: labels are missing, or latents have another width.
  """
  width = gan.generator.latent_size
  if latents.ndim != 2 or latents.shape[1] != width:
    raise core.UserError(
      f'latents of shape {latents.shape}: this generator takes [N, {width}]; '
      'draw them with latents(key, N)'
    )
  return gan.generator.apply(
    params['generator'], latents, *gan.given(labels), train=False
  )


def one_hot(labels: jax.Array | None, num_classes: int) -> jax.Array:
  """Return f32[N, K]; raises UserError without labels."""
  if labels is None:
    raise core.UserError(
      f'this GAN has {num_classes} classes and needs labels: pass one number '
      f'in [0, {num_classes}) for each picture'
    )
  return jax.nn.one_hot(labels, num_classes)
