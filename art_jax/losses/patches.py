"""Style as patches: every patch becomes like the most similar one painted."""

import dataclasses

import jax
import jax.numpy as jnp

from art_jax import core
from art_jax.losses.style import Sums, Target, reduce_error
from art_jax.nn import nearest


@dataclasses.dataclass(frozen=True, kw_only=True)
class Patches:
  """The energy of a Markov random field: E = sum_i |P_i(x) - P_NN(i)(s)|^2.

  P_i(x) is the i-th patch of the picture's features, and NN(i) the patch of the
  painting with the greatest normalized cross-correlation,

    NN(i) = argmax_j <P_i(x), P_j(s)> / (|P_i(x)| |P_j(s)|).

  It is constant for the gradient. A Gram matrix knows which features occur
  together, not where: eyes and mouth of a portrait dissolve. A patch keeps what
  belongs together.

  Reference: Li & Wand 2016, arXiv:1601.04589, equations 2 and 3.

  Attributes:
    size: of a patch, in positions of the layer (paper: 3).
    stride: between patches, in positions (the authors' code: 2).
    chunk: patches of the picture that are matched at a time: the memory of the
      matching is `chunk` times the number of the painting's patches.
  """

  size: int = 3
  stride: int = 2
  chunk: int = 1024

  def __post_init__(self):
    for name in ('size', 'stride', 'chunk'):
      core.require(
        getattr(self, name) >= 1,
        f'Patches.{name}={getattr(self, name)}: it is at least 1',
      )

  def target(self, features: jax.Array) -> Target:
    """Return all patches of a painting: f32[P, size^2 C]."""
    patches = self._patches(features)
    return patches.reshape(-1, patches.shape[-1])

  def sums(
    self, features: jax.Array, weights: jax.Array, target: Target
  ) -> Sums:
    """Return the squared errors of [B, h, w, C] to the matched patches."""
    patches = self._patches(features)
    batch, _, _, length = patches.shape
    patches = patches.reshape(batch, -1, length)
    # A patch counts as its middle does.
    middle = self.size // 2
    count = weights[middle:, middle:][:: self.stride, :: self.stride]
    rows = (features.shape[1] - self.size) // self.stride + 1
    count = count[:rows, : patches.shape[1] // rows].reshape(-1)
    flat = jax.lax.stop_gradient(patches).reshape(-1, length)
    matched = target[self.match(flat, target)].reshape(patches.shape)
    return {
      'error': jnp.sum(jnp.sum((patches - matched) ** 2, -1) * count, -1),
      'count': jnp.sum(count) * length,
    }

  def distance(self, sums: Sums, target: Target, reduction: str) -> jax.Array:
    """Return f32[B]; 'paper' and 'sum' are the sum, 'mean' a mean."""
    return reduce_error(sums, 'mean' if reduction == 'mean' else 'sum')

  def match(self, patches: jax.Array, target: jax.Array) -> jax.Array:
    """Return i32[n], the most similar painted patch of f32[n, length]."""
    return nearest.nearest(patches, nearest.bank(target), chunk=self.chunk)[0]

  def _patches(self, features: jax.Array) -> jax.Array:
    """Return [B, h', w', size^2 C]."""
    extents = [n - self.size + 1 for n in features.shape[1:3]]
    if min(extents) < 1:
      raise ValueError(
        f'the picture is too small: a layer of {features.shape[1]}x'
        f'{features.shape[2]} has no {self.size}x{self.size} patch'
      )
    return jnp.concatenate(
      [
        features[:, i : i + extents[0], j : j + extents[1]][
          :, :: self.stride, :: self.stride
        ]
        for i in range(self.size)
        for j in range(self.size)
      ],
      -1,
    )
