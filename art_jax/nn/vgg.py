"""VGG-16 and VGG-19 as feature networks: a picture to its named layers."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import conv, pooling, require

# Convolutions of each of the five blocks.
_BLOCKS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}

# Of RGB in [-1, 1]; those of torchvision's networks. The weights' own are
# loaded with them.
MEAN = (-0.03, -0.088, -0.188)
STD = (0.458, 0.448, 0.45)


class VGG(nn.Module):
  """The convolutions of VGG: 14,714,688 (VGG-16), 20,024,384 (VGG-19).

  Layers are named as by the authors: `conv1_1` (before the ReLU), `relu1_1`,
  ..., `pool1`, ..., `pool5`. The network computes no further than the last
  requested layer.

  The normalization of the picture is part of the weights, not of the code: the
  collection `constants` holds `mean` and `std` f32[3], as the loaded file needs
  them, for RGB in [-1, 1].

  Reference: Simonyan & Zisserman 2015, arXiv:1409.1556, table 1 (D and E).

  Attributes:
    depth: 16 or 19.
    pool: 'max' as trained, or 'average' (Gatys et al. 2016, section 2).
    width: channels of the first block (64); the others follow.
    dtype: of the computation.
    padding: of the convolutions, 'zeros' as trained, or 'reflect'.
  """

  depth: int = 16
  pool: str = 'max'
  width: int = 64
  dtype: str = 'float32'
  padding: str = 'zeros'

  def plan(self) -> list[tuple[str, int]]:
    """Return (name, output channels) of every convolution and pool."""
    require.holds(
      self.depth in _BLOCKS, f'depth = {self.depth}: must be 16 or 19'
    )
    require.at_least(self, width=1)
    require.one_of('padding', self.padding, ('zeros', 'reflect'))
    steps = []
    for block, count in enumerate(_BLOCKS[self.depth], 1):
      channels = self.width * min(2 ** (block - 1), 8)
      names = [f'conv{block}_{i}' for i in range(1, count + 1)]
      steps += [(name, channels) for name in (*names, f'pool{block}')]
    return steps

  def layer_names(self) -> tuple[str, ...]:
    """Return the names of all layers, in order."""
    both = (
      name.replace('conv', kind)
      for name, _ in self.plan()
      for kind in ('conv', 'relu')
    )
    return tuple(dict.fromkeys(both))  # a pool is there once

  @nn.compact
  def __call__(
    self,
    x: jax.Array,
    layers: tuple[str, ...] | None = None,
    train: bool = False,
  ) -> dict[str, jax.Array]:
    """Return the requested layers.

    Args:
      x: [B, H, W, 3] in [-1, 1], RGB.
      layers: names; None: all.
      train: not used.

    Returns:
      By name, [B, h, w, C]; h = H / 2 after each pool, rounded down.

    Raises:
      ValueError: for a name that is not a layer's, or a picture so small that
        a layer would be empty.
    """
    wanted = check_layers(self.layer_names(), layers)
    x = normalize(self, x).astype(self.dtype)
    outputs = {}
    for name, channels in self.plan():
      if wanted <= outputs.keys():
        break
      if name.startswith('pool'):
        x = pooling.pool(x, 2, self.pool)
      else:
        reflect = self.padding == 'reflect'
        x = outputs[name] = conv.Conv(
          channels,
          padding=0 if reflect else 'SAME',
          kernel_init='he',
          gain=1.0,
          dtype=self.dtype,
          name=name,
        )(conv.reflect_pad(x, 1) if reflect else x)
        x = outputs[name.replace('conv', 'relu')] = nn.relu(x)
      outputs.setdefault(name, x)
      check_size(x, name)
    return {name: outputs[name].astype(jnp.float32) for name in sorted(wanted)}


def normalize(module: nn.Module, x: jax.Array) -> jax.Array:
  """Return (x - mean) / std with the constants of the module's weights."""
  require.images(x.shape, 3)
  mean = module.variable('constants', 'mean', lambda: jnp.float32(MEAN))
  std = module.variable('constants', 'std', lambda: jnp.float32(STD))
  return (x - mean.value) / std.value


def check_layers(
  known: tuple[str, ...], layers: tuple[str, ...] | None
) -> set[str]:
  """Return the set of requested layers, or raise ValueError."""
  for name in layers or ():
    require.holds(
      name in known,
      f'layer {name!r} is not one of this network: {", ".join(known)}',
    )
  return set(known if layers is None else layers)


def check_size(x: jax.Array, name: str) -> None:
  """Raise ValueError if a layer is empty."""
  # Not min(): the sizes may be symbolic when a program is exported.
  require.holds(
    not any(size < 1 for size in x.shape[1:3]),
    f'the picture is too small: layer {name} would be empty',
  )
