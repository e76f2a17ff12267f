"""Non-leaky augmentation: the network is given what was done to a picture.

A network that is given these parameters learns the pictures as they are: at
sampling the parameters are zero.

Reference: Karras et al. 2022, arXiv:2206.00364, appendix F.2; Jun et al. 2020,
"Distribution Augmentation for Generative Modeling", ICML.
"""

import jax
import jax.numpy as jnp

from art_jax import core

SIZE = 9  # Numbers that describe what was done to a picture.


def augment(
  images: jax.Array, keys: core.Key, probability: float
) -> tuple[jax.Array, jax.Array]:
  """Mirror, scale, rotate, squeeze and shift each picture by its own draw.

  Left and right are exchanged half of the time; each of the others happens with
  the probability: top and bottom exchanged; scale by 2^(0.2 n); rotation by
  U(-pi, pi); squeeze by 2^(0.2 n) along an axis of U(-pi, pi); shift by 0.125 n
  of the side, n ~ N(0, 1). Pictures continue as their mirror image.

  Args:
    images: f32[B, H, W, C].
    keys: [B] PRNG keys, one per picture.
    probability: 0.12 for CIFAR-10, 0.15 for small sets at 64 px.

  Returns:
    f32[B, H, W, C] and f32[B, 9], zeros where nothing was done.
  """
  # Differs from the paper: bilinear, without its wavelet low-pass filter.
  matrices, parameters = jax.vmap(lambda key: _draw(key, probability))(keys)
  return jax.vmap(_warp)(images, matrices), parameters


def _draw(key: core.Key, probability: float) -> tuple[jax.Array, jax.Array]:
  """Return f32[3, 3], centered coordinates out to coordinates in; f32[9]."""
  happens_key, normal_key, angle_key, flip_key = jax.random.split(key, 4)
  happens = jax.random.uniform(happens_key, (6,))
  on = (happens < jnp.array([1.0] + [probability] * 5)).astype(jnp.float32)
  flips = on[:2] * jax.random.bernoulli(flip_key, 0.5, (2,))
  scale, squeeze, *shift = jax.random.normal(normal_key, (4,))
  scale, squeeze = scale * on[2], squeeze * on[4]
  shift = jnp.stack(shift) * on[5]
  turn, axis = jax.random.uniform(angle_key, (2,), minval=-1) * jnp.pi
  turn, axis = turn * on[3], axis * on[4]
  factor = 2 ** (0.2 * squeeze)
  matrix = (
    jnp.diag(jnp.stack([1 - 2 * flips[1], 1 - 2 * flips[0], 1.0]))
    @ _scaling(2 ** (0.2 * scale), 2 ** (0.2 * scale))
    @ _rotation(turn)
    @ _rotation(axis)
    @ _scaling(factor, 1 / factor)
    @ _rotation(-axis)
  )
  parameters = [
    flips[0],
    flips[1],
    scale,
    jnp.cos(turn) - 1,
    jnp.sin(turn),
    squeeze * jnp.cos(axis),
    squeeze * jnp.sin(axis),
    shift[0],
    shift[1],
  ]
  return matrix.at[:2, 2].add(0.125 * shift), jnp.stack(parameters)


def _rotation(angle: jax.Array) -> jax.Array:
  c, s = jnp.cos(angle), jnp.sin(angle)
  return jnp.zeros((3, 3)).at[:2, :2].set([[c, -s], [s, c]]).at[2, 2].set(1)


def _scaling(y: jax.Array, x: jax.Array) -> jax.Array:
  return jnp.diag(jnp.stack([y, x, jnp.ones(())]))


def _warp(image: jax.Array, matrix: jax.Array) -> jax.Array:
  """Sample f32[H, W, C] where the matrix sends each pixel's center."""
  size = jnp.array(image.shape[:2], jnp.float32)
  rows, columns = jnp.mgrid[: image.shape[0], : image.shape[1]]
  centered = jnp.stack([rows, columns], -1) - (size - 1) / 2
  there = centered @ matrix[:2, :2].T + matrix[:2, 2] * size + (size - 1) / 2
  sample = jax.scipy.ndimage.map_coordinates
  return jnp.stack(
    [
      sample(channel, [there[..., 0], there[..., 1]], order=1, mode='mirror')
      for channel in jnp.moveaxis(image, -1, 0)
    ],
    axis=-1,
  )
