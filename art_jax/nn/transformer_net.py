"""The feed-forward network of fast style transfer."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import conv, doubling, norm, require

HEADS = ('linear', 'unit', 'tanh', 'sigmoid')
# PyTorch's default initialization has the variance 1 / (3 fan-in).
_INIT = {'kernel_init': 'he', 'gain': 1 / 6}


class TransformerNet(nn.Module):
  """Stylize pictures: 9x9 conv, two halvings, residual blocks, two doublings.

  1,679,235 parameters; 424,899 with half the channels. Every convolution pads
  by reflection and is followed by an affine instance norm and, but for the
  second of a block, a ReLU; the last one is by itself.

  The parameter tree: down_0, down_0_norm, down_1, ..., block_I_0,
  block_I_0_norm, block_I_1, ..., up_0, up_0_norm, up_1, ..., head.

  Reference: Johnson et al. 2016, arXiv:1603.08155, supplement table 1; as in
  pytorch/examples fast_neural_style; several styles: Dumoulin et al. 2017,
  arXiv:1610.07629.

  Attributes:
    down: channels of the 9x9 convolution and of the two that halve the size.
    blocks: residual blocks, of `down[2]` channels.
    up: channels of the two doublings.
    upsample: 'resize' (nearest, then a convolution; PyTorch's example) or
      'transpose' (transposed convolutions; the paper).
    head: what is made of the last convolution: 'linear': it is the color in
      0..255, not clipped (PyTorch's example), which starts at black; 'unit':
      the same in -1..1, which starts at gray; 'tanh': 150 tanh(y) about the
      mean gray, which reaches all colors and a bit more (the paper);
      'sigmoid': an instance norm, and the color in 0..1 (Dumoulin et al.).
    num_styles: 1, or the number of styles whose scales and biases the norms
      choose from.
    use_bias: of the convolutions; a norm behind one makes it useless.
    dtype: dtype of the layers; parameters and results are float32.
  """

  # Differs from the paper: its blocks do not pad, and the picture is padded by
  # 40 pixels instead; every convolution padding is the later code's.
  down: tuple[int, ...] = (32, 64, 128)
  blocks: int = 5
  up: tuple[int, ...] = (64, 32)
  upsample: str = 'resize'
  head: str = 'linear'
  num_styles: int = 1
  use_bias: bool = True
  dtype: str = 'float32'

  multiple = 4
  channels = 3

  def _check(self, shape: tuple[int, ...]) -> None:
    for name, count in (('down', 3), ('up', 2)):
      value = getattr(self, name)
      require.holds(
        len(value) == count and min(value) >= 1,
        f'{name} = {value}: must be {count} numbers >= 1',
      )
    require.at_least(self, blocks=0, num_styles=1)
    require.one_of('upsample', self.upsample, ('transpose', 'resize'))
    require.one_of('head', self.head, HEADS)
    require.images(shape, self.channels)
    require.multiples(shape, self.multiple, 2 * self.multiple)

  @nn.compact
  def __call__(
    self,
    x: jax.Array,
    shares: jax.Array | None = None,
    train: bool = False,
  ) -> jax.Array:
    """Stylize x.

    Args:
      x: [B, H, W, 3] in [-1, 1], H and W multiples of 4.
      shares: f32[B, num_styles] that add up to 1; None: the first style.
      train: not used.

    Returns:
      f32[B, H, W, 3]; [-1, 1] is the range of pictures, which only 'sigmoid'
      never leaves.

    Raises:
      ValueError: on a field or a size that is not allowed.
    """
    self._check(x.shape)
    if shares is None and self.num_styles > 1:
      shares = jnp.broadcast_to(
        jnp.eye(1, self.num_styles), (x.shape[0], self.num_styles)
      )
    x = (x + 1) / 2 if self.head == 'sigmoid' else (x + 1) * 127.5
    for i, features in enumerate(self.down):
      x = self._conv(x, features, 3 if i else 9, f'down_{i}', 2 if i else 1)
      x = nn.relu(self._norm(x, shares, f'down_{i}_norm'))
    for i in range(self.blocks):
      y = x
      for j, name in enumerate((f'block_{i}_0', f'block_{i}_1')):
        y = self._conv(y if j == 0 else nn.relu(y), self.down[2], 3, name)
        y = self._norm(y, shares, f'{name}_norm')
      x = x + y
    for i, features in enumerate(self.up):
      x = doubling.double(
        x,
        features,
        self.upsample,
        use_bias=self.use_bias,
        dtype=self.dtype,
        name=f'up_{i}',
        **_INIT,
      )
      x = nn.relu(self._norm(x, shares, f'up_{i}_norm'))
    x = self._conv(x, self.channels, 9, 'head')
    if self.head == 'sigmoid':
      return (
        2 * nn.sigmoid(self._norm(x, shares, 'head_norm').astype(jnp.float32))
        - 1
      )
    x = x.astype(jnp.float32)
    if self.head == 'tanh':
      return 150 / 127.5 * jnp.tanh(x)
    return x if self.head == 'unit' else x / 127.5 - 1

  def _conv(self, x, features, size, name, stride=1):
    return conv.Conv(
      features,
      size,
      stride,
      'VALID',
      use_bias=self.use_bias,
      dtype=self.dtype,
      name=name,
      **_INIT,
    )(conv.reflect_pad(x, size // 2))

  def _norm(self, x, shares, name):
    if self.num_styles == 1:
      return norm.InstanceNorm(affine=True, dtype=self.dtype, name=name)(x)
    return norm.ConditionalInstanceNorm(
      self.num_styles, dtype=self.dtype, name=name
    )(x, shares)


def of_one_style(variables: Mapping[str, Any], number: int) -> dict[str, Any]:
  """Return the variables of the same network with `num_styles=1`.

  Args:
    variables: of a `TransformerNet` of several styles.
    number: of the style that is kept.
  """

  def choose(path, value):
    return value[number] if path[-2].key.endswith('_norm') else value

  return jax.tree_util.tree_map_with_path(choose, dict(variables))
