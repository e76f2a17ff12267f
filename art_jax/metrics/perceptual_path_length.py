"""Latent smoothness: how far pictures move for a small step in the latents."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from art_jax import core

EPSILON = 1e-4


def path_lengths(
  generate: Callable[[jax.Array], jax.Array],
  distance: Callable[[jax.Array, jax.Array], jax.Array],
  start: jax.Array,
  end: jax.Array,
  t: jax.Array,
  *,
  spherical: bool,
  epsilon: float = EPSILON,
) -> jax.Array:
  """Return d(G(z(t)), G(z(t + eps))) / eps^2 on paths between two latents.

  Its mean over random paths and t is the perceptual path length.

  Args:
    generate: f32[N, ...] latents to f32[N, H, W, C] pictures; one latent has
      one picture.
    distance: of two pictures, f32[N]: LPIPS in the paper. It must grow as the
      square of a small change, as LPIPS does.
    start: f32[N, ...] latents, of any number of axes.
    end: the same.
    t: f32[N] in [0, 1]; all 0 for the ends of paths.
    spherical: along the arc between them, for latents of a normal prior;
      False: straight.
    epsilon: 1e-4 in the paper.

  Returns:
    f32[N].

  Reference: Karras et al. 2019, arXiv:1812.04948, eq. 2 and 3.
  """
  between = _slerp if spherical else _lerp
  shape = start.shape
  start, end = (x.reshape(shape[0], -1) for x in (start, end))
  t = t[:, None]
  first = generate(between(start, end, t).reshape(shape))
  second = generate(between(start, end, t + epsilon).reshape(shape))
  return distance(first, second) / epsilon**2


def feature_distance(
  apply: Callable[[core.Params, jax.Array], jax.Array], params: core.Params
) -> Callable[[jax.Array, jax.Array], jax.Array]:
  """Return the mean square of the difference of two pictures' features."""
  return lambda x, y: jnp.square(apply(params, x) - apply(params, y)).mean(1)


def _lerp(a: jax.Array, b: jax.Array, t: jax.Array) -> jax.Array:
  return a + t * (b - a)


def _slerp(a: jax.Array, b: jax.Array, t: jax.Array) -> jax.Array:
  """Interpolate along the arc between two latents."""
  # Differs from the paper: there the generator itself scales latents to one
  # length; here they keep theirs, which networks of N(0, 1) latents expect.
  lengths = jnp.linalg.norm(a, axis=-1) * jnp.linalg.norm(b, axis=-1)
  angle = jnp.arccos(jnp.clip((a * b).sum(axis=-1) / lengths, -1, 1))[:, None]
  total = jnp.sin(angle)
  arc = (jnp.sin((1 - t) * angle) * a + jnp.sin(t * angle) * b) / total
  return jnp.where(total < 1e-6, _lerp(a, b, t), arc)
