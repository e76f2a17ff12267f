"""Resizing as other programs do it, for scores that shall agree with theirs."""

import jax
import jax.numpy as jnp


def bilinear(images: jax.Array, side: int) -> jax.Array:
  """Resize as `torch.nn.functional.interpolate`: no antialiasing.

  Args:
    images: f32[N, H, W, C].
    side: height and width of the result, in pixels.
  """
  return _resize(images, side, 'linear', antialias=False)


def bicubic(images: jax.Array, side: int) -> jax.Array:
  """Resize as Pillow does in float: antialiased, Keys' cubic with a = -1/2."""
  return _resize(images, side, 'cubic', antialias=True)


def to_rgb(images: jax.Array) -> jax.Array:
  """Return three channels: grey is repeated."""
  if images.shape[-1] == 1:
    return jnp.repeat(images, 3, axis=-1)
  return images


def _resize(images, side, method, antialias):
  shape = (images.shape[0], side, side, images.shape[3])
  return jax.image.resize(images, shape, method, antialias=antialias)
