"""Distances between a picture and its target."""

import jax
import jax.numpy as jnp


def l1(images: jax.Array, targets: jax.Array) -> jax.Array:
  """Return E[|x - y|], the mean absolute error, f32[].

  Args:
    images: f32[B, H, W, C] in [-1, 1].
    targets: f32[B, H, W, C] in [-1, 1].

  Raises:
    ValueError: if the shapes differ; nothing is broadcast.
  """
  require_same_shape(images, targets)
  return jnp.mean(jnp.abs(images - targets))


def l2(images: jax.Array, targets: jax.Array) -> jax.Array:
  """Return E[(x - y)^2], the mean squared error, f32[].

  Args:
    images: f32[B, H, W, C] in [-1, 1].
    targets: f32[B, H, W, C] in [-1, 1].

  Raises:
    ValueError: if the shapes differ; nothing is broadcast.
  """
  require_same_shape(images, targets)
  return jnp.mean(jnp.square(images - targets))


def require_same_shape(x: jax.Array, y: jax.Array) -> None:
  """Raise ValueError unless two arrays have one shape."""
  if x.shape != y.shape:
    raise ValueError(f'shapes differ: {x.shape} and {y.shape}')
