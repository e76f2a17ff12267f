"""Resizing as other programs do it, for scores that agree with theirs."""

import jax
import jax.numpy as jnp


def bilinear(images: jax.Array, side: int) -> jax.Array:
  """Resize as `torch.nn.functional.interpolate`: no antialiasing.

  Args:
    images: f32[N, H, W, C].
    side: height and width of the result, in pixels.
  """
  shape = (images.shape[0], side, side, images.shape[3])
  return jax.image.resize(images, shape, 'linear', antialias=False)


def bicubic(images: jax.Array, side: int) -> jax.Array:
  """Resize as Pillow does in float: antialiased, Keys' cubic with a = -1/2."""
  shape = (images.shape[0], side, side, images.shape[3])
  return jax.image.resize(images, shape, 'cubic')


def to_rgb(images: jax.Array) -> jax.Array:
  """Return three channels: gray is repeated."""
  return jnp.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images
