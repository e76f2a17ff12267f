"""Patches of feature maps, and the head that CUT compares them in."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import require

_EPS = 1e-7  # of the length of a vector


def places(key: jax.Array, features: jax.Array, count: int) -> jax.Array:
  """Draw positions of a feature map without repetition.

  Args:
    key: PRNG key.
    features: [B, h, w, C].
    count: how many; all positions where there are not so many.

  Returns:
    i32[min(count, h w)], rows of the map flattened to [B, h w, C].
  """
  total = features.shape[1] * features.shape[2]
  return jax.random.permutation(key, total)[: min(count, total)]


def patches(features: jax.Array, at: jax.Array) -> jax.Array:
  """Return the vectors [B, P, C] at positions i32[P] of [B, h, w, C]."""
  batch, *_, channels = features.shape
  return features.reshape(batch, -1, channels)[:, at]


class PatchHead(nn.Module):
  """Map the patches of every layer to unit vectors that can be compared.

    z_l = H_l(p_l) / |H_l(p_l)|,  H_l = Dense(relu(Dense(p_l)))

  with weights of its own for every layer. Parameter tree: layer_0/hidden,
  layer_0/out, layer_1/hidden, ...; 560,384 parameters for layers of 3, 128,
  256, 256 and 256 channels.

  Reference: Park et al. 2020, arXiv:2007.15651, section 3 and appendix C.1.

  Attributes:
    width: units of both dense layers (256 in the paper).
    dtype: dtype of the layers; parameters and results are float32.
  """

  width: int = 256
  dtype: str = 'float32'

  @nn.compact
  def __call__(
    self, *layers: jax.Array, train: bool = False
  ) -> tuple[jax.Array, ...]:
    """Map [B, P_l, C_l] of each layer to f32[B, P_l, width] of length 1.

    Args:
      *layers: the patches.
      train: not used; the same in training.

    Raises:
      ValueError: on a width < 1 or patches that are not of rank 3.
    """
    require.at_least(self, width=1)
    vectors = []
    for i, x in enumerate(layers):
      require.holds(
        x.ndim == 3, f'patches of shape {x.shape}: expected [B, P, C]'
      )
      mlp = _Perceptron(self.width, self.dtype, name=f'layer_{i}')
      x = mlp(x).astype(jnp.float32)
      # Not the norm itself: its gradient at a zero vector is NaN.
      square = jnp.sum(jnp.square(x), -1, keepdims=True)
      vectors.append(x * jax.lax.rsqrt(jnp.maximum(square, _EPS**2)))
    return tuple(vectors)


class _Perceptron(nn.Module):
  """Dense, relu, dense."""

  width: int
  dtype: str

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    init = nn.initializers.normal(0.02)

    def dense(name):
      return nn.Dense(self.width, kernel_init=init, dtype=self.dtype, name=name)

    return dense('out')(nn.relu(dense('hidden')(x)))
