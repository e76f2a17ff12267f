"""Experience replay: old fakes that the discriminator is shown again.

One fake of every batch is kept; every so often the discriminator judges what
was kept instead of new fakes, so that it does not forget what the generator
used to do (an `image_pool` mixes single pictures instead, without labels).
"""

import jax
import jax.numpy as jnp
from flax import struct


class Replay(struct.PyTreeNode):
  """The kept fakes of the last P batches.

  Attributes:
    images: f32[P, H, W, C].
    labels: [P, ...], the class or attributes of each.
    count: i32[], batches seen; row `count % P` is replaced next.
  """

  images: jax.Array
  labels: jax.Array
  count: jax.Array


def create(images: jax.Array, labels: jax.Array) -> Replay:
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
  full = replay.count >= capacity
  old = full & ((replay.count + 1) % every == 0)
  shown = jnp.where(old, replay.images, images)
  shown_labels = jnp.where(old, replay.labels, labels)
  slot = replay.count % capacity
  kept = Replay(
    replay.images.at[slot].set(images[0]),
    replay.labels.at[slot].set(labels[0]),
    replay.count + 1,
  )
  return kept, shown, shown_labels
