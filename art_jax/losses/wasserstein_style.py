"""Style as a Gaussian: the Wasserstein distance of means and covariances."""

import dataclasses
import functools

import jax
import jax.numpy as jnp

from art_jax.losses.style import Sums, Target, everywhere


@dataclasses.dataclass(frozen=True, kw_only=True)
class WassersteinStyle:
  """W^2 of two Gaussians: |m - n|^2 + tr(S + T - 2 (R S R)^1/2), R = T^1/2.

  m, S are mean and covariance of the picture's features over the positions, n,
  T of the painting's. A true distance of distributions, whose scale is that of
  the features (a Gram loss has that of their fourth power), so that weights
  carry over from layer to layer.

  Reference: Gelbrich 1990 for the equation; as style loss: Mroueh 2019,
  arXiv:1905.12828.

  Attributes:
    epsilon: added to the covariances' diagonal, in shares of its mean.
    iterations: of the Newton-Schulz square root.
  """

  epsilon: float = 1e-4
  iterations: int = 18

  def target(self, features: jax.Array) -> Target:
    """Return mean, covariance and its root of [1, h, w, C]."""
    return self.from_sums(self.sums(features, everywhere(features), ()))

  def from_sums(self, sums: Sums) -> Target:
    """Return the target of a painting whose tiles were added up."""
    mean, covariance = self._moments(sums)
    values, vectors = jnp.linalg.eigh(covariance)
    roots = jnp.sqrt(jnp.maximum(values, 0))[:, None]
    root = (vectors * roots) @ vectors.swapaxes(1, 2)
    return {'mean': mean, 'covariance': covariance, 'root': root}

  def sums(
    self, features: jax.Array, weights: jax.Array, target: Target
  ) -> Sums:
    """Return first and second moments over the positions."""
    weighted = features * weights[:, :, None]
    return {
      'mean': weighted.sum((1, 2)),
      'gram': jnp.einsum('bhwi,bhwj->bij', weighted, features),
      'count': jnp.sum(weights),
    }

  def distance(self, sums: Sums, target: Target, reduction: str) -> jax.Array:
    """Return f32[B]; 'mean' divides by the number of channels."""
    mean, covariance = self._moments(sums)
    root = target['root']
    traces = jnp.trace(covariance + target['covariance'], axis1=1, axis2=2)
    trace = functools.partial(_trace_of_root, iterations=self.iterations)
    cross = jax.vmap(trace)(root @ covariance @ root)
    distance = jnp.sum((mean - target['mean']) ** 2, 1) + traces - 2 * cross
    return distance / (mean.shape[-1] if reduction == 'mean' else 1)

  def _moments(self, sums: Sums) -> tuple[jax.Array, jax.Array]:
    """Return mean f32[B, C] and covariance f32[B, C, C], made regular."""
    count = jnp.maximum(sums['count'], 1e-6)
    mean = sums['mean'] / count
    covariance = sums['gram'] / count - mean[:, :, None] * mean[:, None]
    ridge = self.epsilon * jnp.trace(covariance, axis1=1, axis2=2)
    eye = jnp.eye(mean.shape[-1])
    ridge = jax.lax.stop_gradient(ridge / mean.shape[-1]) + 1e-12
    return mean, covariance + ridge[:, None, None] * eye


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def _trace_of_root(matrix: jax.Array, iterations: int) -> jax.Array:
  """Return tr(X^1/2) of a symmetric positive f32[C, C]; its gradient is exact.

  Newton-Schulz gives the root and its inverse by products alone; the gradient
  of tr(X^1/2) is X^-1/2 / 2, so nothing is differentiated through.
  """
  return _newton_schulz(matrix, iterations)[0]


def _newton_schulz(matrix: jax.Array, iterations: int):
  """Return the trace of the root and its gradient."""
  norm = jnp.linalg.norm(matrix)
  eye = jnp.eye(matrix.shape[0])
  y, z = matrix / norm, eye
  for _ in range(iterations):
    step = 1.5 * eye - 0.5 * z @ y
    y, z = y @ step, step @ z
  root = jnp.sqrt(norm)
  return jnp.trace(y) * root, 0.5 * z / root


_trace_of_root.defvjp(
  _newton_schulz, lambda iterations, gradient, g: (g * gradient,)
)
