"""The ResNet generator of CycleGAN."""

from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import blur, conv, doubling, norm, require
from art_jax.nn.dropout import Dropout


class ResidualBlock(nn.Module):
  """x + norm(conv(drop(relu(norm(conv(x)))))), 3x3, reflection padded.

  Attributes: as of `ResnetGenerator`.
  """

  norm: str = 'instance'
  dropout: float = 0.0
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
    """Map [B, H, W, C] to the same shape."""
    y = x
    for i in range(2):
      y = conv.Conv(
        x.shape[-1],
        padding='VALID',
        use_bias=self.norm != 'batch',
        centered=self.norm in norm.CENTERING,
        dtype=self.dtype,
        name=f'conv_{i}',
      )(conv.reflect_pad(y, 1))
      y = norm.apply_norm(
        self.norm, y, train, dtype=self.dtype, name=f'norm_{i}'
      )
      if i == 0:
        y = Dropout(self.dropout)(nn.relu(y), train)
    return x + y


DOWNSAMPLES = ('stride', 'blur')


class ResnetGenerator(nn.Module):
  """Translate images: 7x7 conv, halvings, residual blocks, doublings, 7x7 conv.

  The parameter tree: stem, stem_norm, down_0, down_0_norm, down_1, ...,
  block_I/conv_0, norm_0, conv_1, norm_1, up_0, up_0_norm, up_1, ..., head.
  Convolutions before a batch norm have no bias, those before an instance norm
  have one, as in the authors' code: 11,378,179 parameters by default, 7,837,699
  with 6 blocks.

  Reference: Zhu et al. 2017, arXiv:1703.10593, appendix 7.2; Johnson et al.
  2016, arXiv:1603.08155.

  Attributes:
    width: channels after the first convolution (64 in the paper).
    blocks: residual blocks; the paper takes 6 at 128 px and 9 from 256 px on.
    channels: channels of the result.
    norm: 'instance' (no parameters; the paper), 'instance_affine', 'batch' or
      'none'. An instance norm forgets how bright the whole picture was.
    upsample: 'transpose' (the paper), 'resize' (nearest, then a convolution:
      no checkerboards) or 'blur' (bilinear, then a convolution: CUT).
    dropout: rate inside the blocks, needs the rng 'dropout' in training.
    halvings: how often the size is halved before the blocks (2 in the paper);
      1 keeps the detail of small pictures.
    downsample: 'stride' (the paper: a convolution of stride 2) or 'blur' (one
      of stride 1, a blur, every second pixel: CUT).
    dtype: dtype of the layers; parameters and results are float32.
  """

  width: int = 64
  blocks: int = 9
  channels: int = 3
  norm: str = 'instance'
  upsample: str = 'transpose'
  dropout: float = 0.0
  halvings: int = 2
  downsample: str = 'stride'
  dtype: str = 'float32'

  @property
  def multiple(self) -> int:
    """Height and width of the images are multiples of it."""
    return 2**self.halvings

  @property
  def per_picture(self) -> bool:
    """Whether training treats the pictures of a batch alone."""
    return self.norm != 'batch' and not self.dropout

  def _check(self, shape: tuple[int, ...]) -> None:
    require.at_least(self, width=1, blocks=0, channels=1, halvings=0)
    require.one_of('norm', self.norm, norm.NORMS)
    require.one_of('upsample', self.upsample, doubling.UPSAMPLES)
    require.one_of('downsample', self.downsample, DOWNSAMPLES)
    require.rate('dropout', self.dropout)
    require.images(shape)
    require.multiples(shape, self.multiple, 2 * self.multiple)

  @property
  def encoder_layers(self) -> tuple[str, ...]:
    """Names of the layers that `outputs_of` knows, before the doublings."""
    return (
      'input',
      'stem',
      *(f'down_{i}' for i in range(self.halvings)),
      *(f'block_{i}' for i in range(self.blocks)),
    )

  def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
    """Translate x.

    Args:
      x: [B, H, W, C] in [-1, 1], H and W multiples of `multiple`.
      train: batch statistics and dropout on.

    Returns:
      f32[B, H, W, channels] in [-1, 1].

    Raises:
      ValueError: on a field or an image size that is not allowed.
    """
    return self.outputs_of(x, ('output',), train)[0]

  @nn.compact
  def outputs_of(
    self, x: jax.Array, names: Sequence[str], train: bool = False
  ) -> tuple[jax.Array, ...]:
    """Return what layers give; none behind the last of them is computed.

    Args:
      x: as of `__call__`.
      names: of `encoder_layers`, and 'output' for the translation. Of stem and
        halvings it is the convolution that is returned, before the norm.
      train: as of `__call__`.

    Returns:
      [B, h, w, c] for each name.

    Raises:
      ValueError: as `__call__`, or if there is no such layer.
    """
    self._check(x.shape)
    for name in names:
      require.one_of('layer', name, (*self.encoder_layers, 'output'))
    found = {}
    for name, value in self._layers(x, names, train):
      found[name] = value
      if set(names) <= set(found):
        break
    return tuple(found[name] for name in names)

  @nn.nowrap
  def _layers(
    self, x: jax.Array, read: Sequence[str], train: bool
  ) -> Iterator[tuple[str, jax.Array]]:
    """Yield names and outputs of layers, each computed when it is asked for.

    Args:
      x: as of `__call__`.
      read: the layers whose output is used, not only passed on.
      train: as of `__call__`.
    """
    bias, centers = self.norm != 'batch', self.norm in norm.CENTERING

    def norm_relu(x, name):
      return nn.relu(
        norm.apply_norm(
          self.norm, x, train, dtype=self.dtype, name=f'{name}_norm'
        )
      )

    def layer(features, **kwargs):
      return conv.Conv(features, dtype=self.dtype, **kwargs)

    yield 'input', x
    x = layer(
      self.width,
      kernel_size=7,
      padding='VALID',
      use_bias=bias,
      centered=centers and 'stem' not in read,
      name='stem',
    )(conv.reflect_pad(x, 3))
    yield 'stem', x
    x = norm_relu(x, 'stem')
    stride = 2 if self.downsample == 'stride' else 1
    for i in range(self.halvings):
      name, width = f'down_{i}', self.width * 2 ** (i + 1)
      x = layer(
        width,
        stride=stride,
        padding=1,
        use_bias=bias,
        centered=centers and name not in read,
        name=name,
      )(x)
      yield name, x
      x = norm_relu(x, name)
      x = x if stride == 2 else blur.halve(x)
    for i in range(self.blocks):
      name = f'block_{i}'
      x = ResidualBlock(self.norm, self.dropout, self.dtype, name=name)(
        x, train
      )
      yield name, x
    for i in range(self.halvings):
      width = self.width * 2 ** (self.halvings - 1 - i)
      x = doubling.double(
        *(x, width, self.upsample),
        use_bias=bias,
        centered=centers,
        dtype=self.dtype,
        name=f'up_{i}',
      )
      x = norm_relu(x, f'up_{i}')
    x = layer(self.channels, kernel_size=7, padding='VALID', name='head')(
      conv.reflect_pad(x, 3)
    )
    yield 'output', jnp.tanh(x.astype(jnp.float32))
