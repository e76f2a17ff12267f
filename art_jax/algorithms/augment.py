"""Differentiable augmentation of what a discriminator sees.

Real and generated pictures are both augmented, and G learns through it, so
that D of a small set cannot learn its pictures by heart, and G does not learn
the augmentation.

Reference: Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN
Training", arXiv:2006.10738; ranges of the authors' code.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import jax
import jax.numpy as jnp

from art_jax import core


def augment(
  images: jax.Array, keys: core.Key, policy: Sequence[str]
) -> jax.Array:
  """Augment each picture with a draw of its own.

  Args:
    images: f32[B, H, W, C] in [-1, 1].
    keys: [B] PRNG keys, one per picture, so that slicing a batch or spreading
      it over devices changes nothing.
    policy: names out of `POLICIES`, applied in this order.

  Returns:
    f32[B, H, W, C]; colors may leave [-1, 1].
  """
  for number, name in enumerate(policy):
    each = jax.vmap(lambda key, i=number: jax.random.fold_in(key, i))(keys)
    images = jax.vmap(POLICIES[name])(images, each)
  return images


def _color(image: jax.Array, key: core.Key) -> jax.Array:
  """Add brightness +-0.5; scale saturation by 0-2 and contrast by 0.5-1.5."""
  brightness, saturation, contrast = jax.random.uniform(key, (3,))
  image += brightness - 0.5
  gray = jnp.mean(image, axis=-1, keepdims=True)
  image = gray + 2 * saturation * (image - gray)
  mean = jnp.mean(image)
  return mean + (0.5 + contrast) * (image - mean)


def _translation(image: jax.Array, key: core.Key) -> jax.Array:
  """Shift by up to an eighth of the side; what comes in is 0."""
  height, width, _ = image.shape
  far = (max(height // 8, 1), max(width // 8, 1))
  padded = jnp.pad(image, ((far[0],) * 2, (far[1],) * 2, (0, 0)))
  top, left = jax.random.randint(
    key, (2,), 0, jnp.array([2 * far[0] + 1, 2 * far[1] + 1])
  )
  return jax.lax.dynamic_slice(padded, (top, left, 0), image.shape)


def _cutout(image: jax.Array, key: core.Key) -> jax.Array:
  """Set a square of half the side to 0; part of it may fall outside."""
  height, width, _ = image.shape
  center = jax.random.randint(key, (2,), 0, jnp.array([height, width]) + 1)

  def inside(size, middle):
    first = middle - size // 4
    place = jnp.arange(size)
    return (place >= first) & (place < first + size // 2)

  hole = inside(height, center[0])[:, None] & inside(width, center[1])
  return jnp.where(hole[:, :, None], 0.0, image)


POLICIES: Mapping[str, Callable[[jax.Array, core.Key], jax.Array]] = (
  MappingProxyType(
    {'color': _color, 'translation': _translation, 'cutout': _cutout}
  )
)
