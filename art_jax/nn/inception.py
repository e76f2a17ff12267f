"""The InceptionV3 of the Frechet inception distance.

Szegedy et al. 2015, "Rethinking the Inception Architecture for Computer
Vision", arXiv:1512.00567, as TensorFlow published it in 2015, which Heusel et
al. 2017, arXiv:1706.08500, score with. It is not the one that classifiers ship
today: average pools leave the padding out, the last block pools by maximum,
and there are 1,008 outputs. Names are those of pytorch-fid; the batch norms
are part of the convolutions (see `weights.inception`).
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn.conv import Conv

SIDE = 299  # of the input
WIDTH = 2048
NUM_OUTPUTS = 1008
# Of pools that keep the size.
_WINDOW: dict[str, Any] = {
  'window_shape': (3, 3),
  'padding': ((1, 1), (1, 1)),
}


class FIDInception(nn.Module):
  """Pictures to the 2,048 means of the last block ('pool3').

  Attributes:
    dtype: of the computation.
  """

  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Map f32[B, 299, 299, 3] in [-1, 1] to f32[B, 2048]."""
    x = _chain(
      self,
      x,
      ('Conv2d_1a_3x3', 32, 3, 2, 0),
      ('Conv2d_2a_3x3', 32, 3, 1, 0),
      ('Conv2d_2b_3x3', 64, 3),
    )
    x = nn.max_pool(x, (3, 3), (2, 2))
    x = _chain(
      self, x, ('Conv2d_3b_1x1', 80, 1), ('Conv2d_4a_3x3', 192, 3, 1, 0)
    )
    x = nn.max_pool(x, (3, 3), (2, 2))
    for name, pool_features in (('5b', 32), ('5c', 64), ('5d', 64)):
      x = BlockA(pool_features, self.dtype, name=f'Mixed_{name}')(x)
    x = BlockB(self.dtype, name='Mixed_6a')(x)
    for name, width in (('6b', 128), ('6c', 160), ('6d', 160), ('6e', 192)):
      x = BlockC(width, self.dtype, name=f'Mixed_{name}')(x)
    x = BlockD(self.dtype, name='Mixed_7a')(x)
    x = BlockE('average', self.dtype, name='Mixed_7b')(x)
    # The published network pools by maximum here, an oversight that all
    # scores since share.
    x = BlockE('max', self.dtype, name='Mixed_7c')(x)
    return x.mean(axis=(1, 2)).astype(jnp.float32)


class BlockA(nn.Module):
  """35x35: 1x1, 5x5, two 3x3, and an average pool."""

  pool_features: int
  dtype: str

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Map [B, H, W, I] to [B, H, W, 224 + pool_features]."""
    branches = [
      _chain(self, x, ('branch1x1', 64, 1)),
      _chain(self, x, ('branch5x5_1', 48, 1), ('branch5x5_2', 64, 5)),
      _chain(
        self,
        x,
        ('branch3x3dbl_1', 64, 1),
        ('branch3x3dbl_2', 96, 3),
        ('branch3x3dbl_3', 96, 3),
      ),
      _chain(self, _average_pool(x), ('branch_pool', self.pool_features, 1)),
    ]
    return jnp.concatenate(branches, axis=-1)


class BlockB(nn.Module):
  """35x35 to 17x17."""

  dtype: str

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Map [B, 35, 35, 288] to [B, 17, 17, 768]."""
    branches = [
      _chain(self, x, ('branch3x3', 384, 3, 2, 0)),
      _chain(
        self,
        x,
        ('branch3x3dbl_1', 64, 1),
        ('branch3x3dbl_2', 96, 3),
        ('branch3x3dbl_3', 96, 3, 2, 0),
      ),
      nn.max_pool(x, (3, 3), (2, 2)),
    ]
    return jnp.concatenate(branches, axis=-1)


class BlockC(nn.Module):
  """17x17: 7x7 as 1x7 and 7x1, once and twice."""

  width: int
  dtype: str

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Map [B, H, W, I] to [B, H, W, 768]."""
    row, column, width = (1, 7), (7, 1), self.width
    branches = [
      _chain(self, x, ('branch1x1', 192, 1)),
      _chain(
        self,
        x,
        ('branch7x7_1', width, 1),
        ('branch7x7_2', width, row),
        ('branch7x7_3', 192, column),
      ),
      _chain(
        self,
        x,
        ('branch7x7dbl_1', width, 1),
        ('branch7x7dbl_2', width, column),
        ('branch7x7dbl_3', width, row),
        ('branch7x7dbl_4', width, column),
        ('branch7x7dbl_5', 192, row),
      ),
      _chain(self, _average_pool(x), ('branch_pool', 192, 1)),
    ]
    return jnp.concatenate(branches, axis=-1)


class BlockD(nn.Module):
  """17x17 to 8x8."""

  dtype: str

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Map [B, 17, 17, 768] to [B, 8, 8, 1280]."""
    branches = [
      _chain(self, x, ('branch3x3_1', 192, 1), ('branch3x3_2', 320, 3, 2, 0)),
      _chain(
        self,
        x,
        ('branch7x7x3_1', 192, 1),
        ('branch7x7x3_2', 192, (1, 7)),
        ('branch7x7x3_3', 192, (7, 1)),
        ('branch7x7x3_4', 192, 3, 2, 0),
      ),
      nn.max_pool(x, (3, 3), (2, 2)),
    ]
    return jnp.concatenate(branches, axis=-1)


class BlockE(nn.Module):
  """8x8: chains that end in a 1x3 beside a 3x1."""

  pool: str
  dtype: str

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Map [B, H, W, I] to [B, H, W, 2048]."""
    row, column = (1, 3), (3, 1)
    b = _chain(self, x, ('branch3x3_1', 384, 1))
    c = _chain(self, x, ('branch3x3dbl_1', 448, 1), ('branch3x3dbl_2', 384, 3))
    pooled = (
      _average_pool(x) if self.pool == 'average' else nn.max_pool(x, **_WINDOW)
    )
    branches = [
      _chain(self, x, ('branch1x1', 320, 1)),
      _chain(self, b, ('branch3x3_2a', 384, row)),
      _chain(self, b, ('branch3x3_2b', 384, column)),
      _chain(self, c, ('branch3x3dbl_3a', 384, row)),
      _chain(self, c, ('branch3x3dbl_3b', 384, column)),
      _chain(self, pooled, ('branch_pool', 192, 1)),
    ]
    return jnp.concatenate(branches, axis=-1)


def _chain(parent: nn.Module, x: jax.Array, *layers: tuple) -> jax.Array:
  """Run convolutions (their batch norms within), each followed by ReLU.

  Args:
    parent: the module whose layers they are.
    x: [B, H, W, I].
    *layers: of each name, features, kernel size, and stride and padding
      where these are not 1 and what keeps the size.
  """
  for name, features, kernel, *geometry in layers:
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    stride, padding = geometry or (1, tuple((k // 2, k // 2) for k in sides))
    layer = Conv(
      features,
      sides,
      stride,
      padding,
      kernel_init='he',
      dtype=parent.dtype,
      name=name,
      parent=parent,
    )
    x = nn.relu(layer(x))
  return x


def _average_pool(x: jax.Array) -> jax.Array:
  """Average 3x3 windows over the pixels that they have in the picture."""
  return nn.avg_pool(x, **_WINDOW, count_include_pad=False)
