"""Normalization of channels as one function whose gradient is written down.

Statistics are always float32, and the variance is computed in two passes: the
one-pass form E[x^2] - E[x]^2 loses all digits when |mean| >> std. On NVIDIA
GPUs, where a pass is a launch of a kernel, it is one over x - s, s the value
of each channel in the middle of the picture: E[(x - s)^2] - E[x - s]^2 loses
few, as s is about as far from the mean as the standard deviation is large.

The gradient is of sums of each channel of each sample, which XLA:CPU is quick
at, and has no pass over the pictures but the one that needs them.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from art_jax.nn import pure


def _share(means: jax.Array, groups: int) -> jax.Array:
  """Average f32[B, C], means of channels, over what is normalized together.

  Args:
    means: of each channel of each sample.
    groups: of the channels of a sample; 0: each channel over all samples.

  Returns:
    f32[B or 1, C].
  """
  if not groups:
    return jnp.mean(means, 0, keepdims=True)
  batch, channels = means.shape
  parts = means.reshape(batch, groups, channels // groups)
  return jnp.repeat(jnp.mean(parts, 2), channels // groups, axis=1)


def normalize(
  x: jax.Array, scale: jax.Array, bias: jax.Array, eps: float, groups: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Return (x - mean) / sqrt(var + eps) * scale + bias, and mean and var.

  Args:
    x: f32[B, ..., C].
    scale: f32[B or 1, C].
    bias: the same.
    eps: added to the variance, which is the biased one.
    groups: the channels of a sample that are normalized together are C /
      groups neighbors; 0: each channel over the whole batch.

  Returns:
    Like x, and f32[B or 1, C] twice; these two have no gradient.
  """
  if pure.is_in_parts():
    from art_jax.nn import whole  # here: of large pictures alone

    share = functools.partial(_share, groups=groups)
    return whole.normalize(x, scale, bias, eps, share)
  return _normalize(x, scale, bias, eps, groups)


@functools.partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def _normalize(x, scale, bias, eps, groups):
  return _normalize_forward(x, scale, bias, eps, groups)[0]


def _normalize_forward(x, scale, bias, eps, groups):
  wide = functools.partial(jnp.expand_dims, axis=_inner(x))
  mean, var = lax.platform_dependent(
    x,
    cuda=functools.partial(_one_pass, groups=groups),
    default=functools.partial(_two_passes, groups=groups),
  )
  rate = lax.rsqrt(var + eps)
  unit = (x - wide(mean)) * wide(rate)
  return (unit * wide(scale) + wide(bias), mean, var), (unit, rate, scale)


def _inner(x: jax.Array) -> tuple[int, ...]:
  """Return the axes of the positions."""
  return tuple(range(1, x.ndim - 1))


def _two_passes(x, groups):
  """Return mean and var, f32[B or 1, C]."""
  inner = _inner(x)
  mean = _share(jnp.mean(x, inner), groups)
  away = x - jnp.expand_dims(mean, inner)
  return mean, _share(jnp.mean(jnp.square(away), inner), groups)


def _one_pass(x, groups):
  """Return mean and var, f32[B or 1, C]; see the top of the file."""
  inner = _inner(x)
  middle = tuple(slice(n // 2, n // 2 + 1) for n in x.shape[1:-1])
  shift = lax.stop_gradient(x[:, *middle])
  away = x - shift
  first, second = _both_means(away, away)
  own = jnp.squeeze(shift, inner) + first
  mean = _share(own, groups)
  within = jnp.maximum(second - jnp.square(first), 0)
  return mean, _share(within + jnp.square(own - mean), groups)


def _gradient(eps, groups, kept, gradients):
  (unit, rate, scale), (g, _, _) = kept, gradients
  wide = functools.partial(jnp.expand_dims, axis=_inner(g))
  mean, along = _both_means(g, unit)
  x_bar = (
    g * wide(rate * scale)
    - unit * wide(rate * _share(scale * along, groups))
    - wide(rate * _share(scale * mean, groups))
  )
  positions = g[0, ..., 0].size

  def total(means):
    means = means * positions
    return means if scale.shape[0] > 1 else jnp.sum(means, 0, keepdims=True)

  return x_bar, total(along), total(mean)


_normalize.defvjp(_normalize_forward, _gradient)


@jax.custom_vjp
def _both_means(g: jax.Array, unit: jax.Array) -> tuple[jax.Array, jax.Array]:
  """Return the means of g and of g * unit over all positions, f32[B, C]."""
  inner, positions = _inner(g), g[0, ..., 0].size

  def add(a, b):
    return a[0] + b[0], a[1] + b[1]

  def cuda(g, unit):  # one launch of a kernel, not two
    zero = jnp.zeros((), g.dtype)
    sums = lax.reduce((g, g * unit), (zero, zero), add, inner)
    return sums[0] / positions, sums[1] / positions

  def default(g, unit):
    return jnp.mean(g, inner), jnp.mean(g * unit, inner)

  return lax.platform_dependent(g, unit, cuda=cuda, default=default)


def _both_means_gradient(kept, gradients):
  g, unit = kept
  inner, positions = _inner(g), g[0, ..., 0].size
  first, second = (jnp.expand_dims(x, inner) / positions for x in gradients)
  return first + second * unit, second * g


_both_means.defvjp(
  lambda g, unit: (_both_means(g, unit), (g, unit)), _both_means_gradient
)
