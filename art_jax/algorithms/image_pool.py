"""A history of generated pictures, as a pure value inside the state.

The discriminator is shown a mixture of the newest fakes and older ones, which
damps oscillation (Shrivastava et al. 2017, arXiv:1612.07828, section 2.3;
CycleGAN section 4 keeps 50 pictures).
"""

import jax
import jax.numpy as jnp
from flax import struct


class ImagePool(struct.PyTreeNode):
  """Up to P pictures.

  Attributes:
    images: f32[P, H, W, C]; rows from `size` on are empty.
    size: i32[], number of pictures stored.
  """

  images: jax.Array
  size: jax.Array


def create(capacity: int, example: jax.Array) -> ImagePool:
  """Return an empty pool for pictures shaped like one of f32[B, H, W, C]."""
  return ImagePool(
    jnp.zeros((capacity, *example.shape[1:]), jnp.float32), jnp.int32(0)
  )


def query(
  pool: ImagePool, images: jax.Array, key: jax.Array
) -> tuple[ImagePool, jax.Array]:
  """Exchange new pictures for a mixture of new and old ones.

  Picture by picture: while the pool is filling, store the picture and return
  it; once it is full, with probability 1/2 return it, else return a random
  old one and put the new one in its place. A pool of capacity 0 is the
  identity.

  Args:
    pool: capacity P.
    images: f32[B, H, W, C].
    key: PRNG key.

  Returns:
    The new pool, and f32[B, H, W, C].
  """
  capacity = pool.images.shape[0]
  if capacity == 0:
    return pool, images
  coin_key, slot_key = jax.random.split(key)
  swaps = jax.random.bernoulli(coin_key, 0.5, images.shape[:1])
  slots = jax.random.randint(slot_key, images.shape[:1], 0, capacity)

  def exchange(pool, new):
    image, swap, slot = new
    filling = pool.size < capacity
    slot = jnp.where(filling, pool.size, slot)
    old = pool.images[slot]
    returned = jnp.where(filling | ~swap, image, old)
    pool = ImagePool(
      pool.images.at[slot].set(jnp.where(filling | swap, image, old)),
      jnp.minimum(pool.size + 1, capacity),
    )
    return pool, returned

  return jax.lax.scan(exchange, pool, (images, swaps, slots))
