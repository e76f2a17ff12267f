"""What a GAN learns and remembers, and how it begins and draws."""

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import struct

from art_jax import core
from art_jax.algorithms import trainable
from art_jax.nn import pure

if TYPE_CHECKING:
  from art_jax.algorithms.acgan import ACGAN
  from art_jax.algorithms.gan import GAN
  from art_jax.algorithms.projected_features import ProjectedState
  from art_jax.algorithms.projected_gan import ProjectedGAN


class Replay(struct.PyTreeNode):
  """Experience replay: the kept fakes of the last P batches.

  One fake of every batch is kept; every so often D judges what was kept instead
  of new fakes, so that it does not forget what G used to do (an `image_pool`
  mixes single pictures instead, without labels).

  Attributes:
    images: f32[P, H, W, C].
    labels: [P, ...], the class or attributes of each.
    count: i32[], batches seen; row `count % P` is replaced next.
  """

  images: jax.Array
  labels: jax.Array
  count: jax.Array


class GANState(struct.PyTreeNode):
  """Everything a GAN learns or remembers.

  Attributes:
    generator: G and its optimizer.
    discriminator: D, or the critic, and its optimizer.
    average: moving average of G's variables; () without one.
    replay: fakes shown before; () without.
    generator_steps: i32[], updates of G.
    waiting: i32[], updates of D since the last one of G.
    clock: i32[], steps taken; the schedules read it.
  """

  generator: trainable.Trainable
  discriminator: trainable.Trainable
  average: core.Params
  replay: Any
  generator_steps: jax.Array
  waiting: jax.Array
  clock: jax.Array


def create(gan: 'GAN | ACGAN', key: core.Key, batch: core.Batch) -> GANState:
  """Return fresh networks; raises UserError if they do not fit the data."""
  images = batch['image'][: batch['image'].shape[0] // gan.n_critic]
  require_pictures(gan, images.shape)
  keys = jax.random.split(key)
  networks = create_networks(gan, keys, batch, len(images))
  every = gan.stabilizers.replay_every
  memory = (
    empty_replay(images, gan.labels(batch)[: len(images)]) if every else ()
  )
  zeros = [jnp.int32(0) for _ in range(3)]
  return GANState(*networks, memory, *zeros)


def create_networks(
  gan: 'GAN | ACGAN | ProjectedGAN',
  keys: core.Key,
  batch: core.Batch,
  rows: int,
) -> tuple[trainable.Trainable, trainable.Trainable, core.Params]:
  """Return a fresh G and D for batches of so many rows, and G's average.

  Args:
    gan: the algorithm.
    keys: [2], of G and of D.
    batch: a batch, or its shapes.
    rows: pictures that one update sees.
  """
  examples = {
    name: jax.tree.map(
      lambda x: jnp.zeros((rows, *x.shape[1:]), x.dtype), inputs
    )
    for name, (_, inputs) in gan.networks(batch).items()
  }
  generator = trainable.create(
    gan.generator,
    keys[0],
    *examples['generator'],
    optimizer=gan.generator_optimizer,
  )
  discriminator = trainable.create(
    gan.discriminator,
    keys[1],
    *examples['discriminator'],
    optimizer=gan.discriminator_optimizer,
  )
  # A copy: a donated state may not hold one array twice.
  averaged = gan.stabilizers.ema_decay
  average = jax.tree.map(jnp.copy, generator.variables) if averaged else ()
  return generator, discriminator, average


def inference(
  gan: 'GAN | ACGAN | ProjectedGAN', state: 'GANState | ProjectedState'
) -> core.Params:
  """Return the variables of the generator (its average) and of D."""
  averaged = bool(gan.stabilizers.ema_decay)
  return {
    'generator': state.average if averaged else state.generator.variables,
    'discriminator': state.discriminator.variables,
  }


def render(
  gan: 'GAN | ACGAN | ProjectedGAN',
  state: core.State,
  batch: core.Batch,
  key: core.Key,
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
  gan: 'GAN | ACGAN | ProjectedGAN',
  params: core.Params,
  latents: jax.Array,
  labels: Any,
) -> jax.Array:
  """Return f32[N, H, W, C], the pictures of latents f32[N, latent_size].

  Raises:
    core.UserError: labels are missing, or latents have another width.
  """
  width = gan.generator.latent_size
  core.require(
    latents.ndim == 2 and latents.shape[1] == width,
    f'latents of shape {latents.shape}: this generator takes [N, {width}]; '
    'draw them with latents(key, N)',
  )
  return pure.apply(
    gan.generator, params['generator'], latents, *gan.given(labels), train=False
  )


def one_hot(labels: jax.Array | None, num_classes: int) -> jax.Array:
  """Return f32[N, K]; raises UserError without labels."""
  core.require(
    labels is not None,
    f'this GAN has {num_classes} classes and needs labels: pass one number '
    f'in [0, {num_classes}) for each picture',
  )
  return jax.nn.one_hot(labels, num_classes)


def require_pictures(
  gan: 'GAN | ACGAN | ProjectedGAN', shape: tuple[int, ...]
) -> None:
  """Raise UserError unless G makes pictures [B, H, W, C] of that shape."""
  size, channels = gan.generator.size, gan.generator.channels
  core.require(
    shape[1:] == (size, size, channels),
    f'the generator makes {size}x{size} pictures of {channels} channels, the '
    f'data {shape[2]}x{shape[1]} of {shape[3]}; pass --set '
    f'algorithm.generator.size={shape[1]} --set '
    f'algorithm.generator.channels={shape[3]}, or change data.size and '
    'data.channels',
  )


def empty_replay(images: jax.Array, labels: jax.Array) -> Replay:
  """Return an empty memory for as many pictures and labels as these."""
  return Replay(jnp.zeros_like(images), jnp.zeros_like(labels), jnp.int32(0))


def exchange(
  replay: Replay, images: jax.Array, labels: jax.Array, every: int
) -> tuple[Replay, jax.Array, jax.Array]:
  """Keep the first fake of a batch and choose what to show.

  Args:
    replay: capacity P = B.
    images: f32[B, H, W, C], new fakes.
    labels: [B, ...].
    every: at every so many batches, once the memory is full, the memory is
      shown instead of the new fakes.

  Returns:
    The new memory, and the pictures and labels to show, shaped like the new.
  """
  capacity = replay.images.shape[0]
  old = (replay.count >= capacity) & ((replay.count + 1) % every == 0)
  shown = jnp.where(old, replay.images, images)
  shown_labels = jnp.where(old, replay.labels, labels)
  # A choice by row: of rows split over devices XLA's scatter lost some.
  here = jnp.arange(capacity) == replay.count % capacity

  def put(rows, new):
    return jnp.where(here.reshape(-1, *[1] * (rows.ndim - 1)), new[:1], rows)

  kept = Replay(
    put(replay.images, images), put(replay.labels, labels), replay.count + 1
  )
  return kept, shown, shown_labels
