"""Convolution layers: fields, geometry and parameters.

How each convolution runs is decided in `lowering`.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from art_jax.nn import borders, geometry, lowering, require


def _pair(value: int | tuple[int, ...], name: str) -> tuple[int, ...]:
  pair = (value, value) if isinstance(value, int) else tuple(value)
  require.holds(
    len(pair) == 2 and not any(not isinstance(v, int) or v < 1 for v in pair),
    f'{name} = {value!r}: must be an int >= 1 or two of them',
  )
  return pair


def _explicit(padding, size, kernel, stride):
  """Turn a padding field into ((top, bottom), (left, right))."""
  if isinstance(padding, str):
    require.holds(
      padding in ('SAME', 'VALID'),
      f"padding = {padding!r}: must be 'SAME', 'VALID', an int or "
      '((top, bottom), (left, right))',
    )
    return tuple(lax.padtype_to_pads(size, kernel, stride, padding))
  if isinstance(padding, int):
    padding = ((padding, padding), (padding, padding))
  padding = tuple(tuple(p) for p in padding)
  require.holds(
    [len(p) for p in padding] == [2, 2] and min(map(min, padding)) >= 0,
    f'padding = {padding!r}: must be >= 0, ((top, bottom), (left, right))',
  )
  return padding


def _require_operands(x, w) -> None:
  require.holds(
    x.ndim == 4 and w.ndim == 4,
    f'x has shape {x.shape} and kernel {w.shape}: both must have 4 axes',
  )
  require.holds(
    x.shape[3] == w.shape[2],
    f'x has {x.shape[3]} channels, the kernel {w.shape} takes {w.shape[2]}',
  )


def conv(
  x: jax.Array,
  w: jax.Array,
  stride: int | tuple[int, int] = 1,
  padding: str | int | tuple = 'SAME',
) -> jax.Array:
  """Convolve (cross-correlate, as every deep learning library).

  Args:
    x: [B, H, W, I].
    w: kernel [h, w, I, O], same dtype as x.
    stride: int or (int, int).
    padding: 'SAME' (XLA's, asymmetric where odd), 'VALID', an int or
      ((top, bottom), (left, right)).

  Returns:
    [B, H', W', O].

  Raises:
    ValueError: on fields out of range, or a kernel larger than the input.
  """
  _require_operands(x, w)
  size, kernel, strides = x.shape[1:3], w.shape[:2], _pair(stride, 'stride')
  pads = _explicit(padding, size, kernel, strides)
  geo = geometry.Geometry(size, kernel, strides, pads, lowering.is_native())
  require.holds(
    not any(n < 1 for n in geo.out),
    f'input {size} with padding {geo.padding} is smaller than the kernel '
    f'{kernel}',
  )
  return lowering.forward(x, w, geo)


def conv_transpose(
  x: jax.Array,
  w: jax.Array,
  stride: int | tuple[int, int] = 2,
  padding: int = 1,
  output_padding: int = 0,
) -> jax.Array:
  """Transposed convolution with the geometry of `torch.nn.ConvTranspose2d`.

  Output size: (n - 1) * stride - 2 * padding + k + output_padding.

  Args:
    x: [B, H, W, I].
    w: kernel [h, w, I, O], not flipped: PyTorch's [I, O, h, w] transposed by
      (2, 3, 0, 1).
    stride: int or (int, int).
    padding: what the transposed convolution removes on each side.
    output_padding: what it adds at the bottom and the right, < stride.

  Returns:
    [B, H', W', O].

  Raises:
    ValueError: on fields out of range.
  """
  _require_operands(x, w)
  kernel, strides = w.shape[:2], _pair(stride, 'stride')
  require.holds(
    0 <= padding < min(kernel),
    f'padding = {padding}: must be in [0, {min(kernel) - 1}]',
  )
  require.holds(
    0 <= output_padding < min(strides),
    f'output_padding = {output_padding}: must be in [0, stride - 1]',
  )
  size = tuple(
    (n - 1) * s - 2 * padding + k + output_padding
    for n, s, k in zip(x.shape[1:3], strides, kernel, strict=True)
  )
  require.holds(
    not any(n < 1 for n in size), f'the output would have size {size}'
  )
  pads = ((padding, padding),) * 2
  geo = geometry.Geometry(
    size, kernel, strides, pads, lowering.is_native(), turned=True
  )
  return lowering.input_grad(x, jnp.swapaxes(w, 2, 3), geo)


def reflect_pad(x: jax.Array, n: int) -> jax.Array:
  """Mirror n pixels at each border of [B, H, W, C], the edge not repeated.

  Raises:
    ValueError: unless 0 <= n < min(H, W).
  """
  # Not min(): the sizes may be symbolic when a program is exported.
  require.holds(
    n >= 0 and not any(size <= n for size in x.shape[1:3]),
    f'reflection padding of {n} pixels needs a larger image than '
    f'{x.shape[1]}x{x.shape[2]}',
  )
  return borders.reflect_pad(x, n) if n else x


def upsample(x: jax.Array, scale: int = 2) -> jax.Array:
  """Repeat each pixel scale x scale times: [B, H, W, C] -> [B, sH, sW, C]."""
  return borders.upsample(x, scale)


_scaled = nn.initializers.variance_scaling
_INITS = {
  'normal': nn.initializers.normal,
  'xavier': lambda gain: _scaled(gain, 'fan_avg', 'normal'),
  'he': lambda gain: _scaled(2 * gain, 'fan_in', 'normal'),
  'zeros': lambda gain: nn.initializers.zeros,
}


def _params(module, in_features: int):
  """Create kernel and bias (float32) of a module, cast to its dtype."""
  require.at_least(module, features=1)
  require.one_of('kernel_init', module.kernel_init, tuple(_INITS))
  shape = (
    *_pair(module.kernel_size, 'kernel_size'),
    in_features,
    module.features,
  )
  w = module.param('kernel', _INITS[module.kernel_init](module.gain), shape)
  if getattr(module, 'spectral_norm', False):
    from art_jax.nn import spectral  # here: few models have it

    w = spectral.normalize(module, w)
  b = jnp.zeros(())
  if module.use_bias:
    kept = module.param('bias', nn.initializers.zeros, shape[3:])
    b = b if module.centered else kept
  return w.astype(module.dtype), b.astype(module.dtype)


class Conv(nn.Module):
  """Convolution of [B, H, W, I] to [B, H', W', features]; see `conv`.

  Parameters: `kernel` f32[k, k, I, features], PyTorch's [O, I, h, w] transposed
  by (2, 3, 1, 0); `bias` f32[features].

  Attributes:
    features: output channels.
    kernel_size, stride: int or (int, int).
    padding: 'SAME', 'VALID', an int or ((top, bottom), (left, right)).
    use_bias: add a bias, zero at first.
    kernel_init: 'normal' N(0, gain^2), 'xavier' and 'he' (normal,
      variance times gain) or 'zeros'.
    gain: see `kernel_init`; 0.02 is the value of DCGAN, pix2pix and CycleGAN.
    spectral_norm: divide the kernel by its largest singular value.
    centered: a norm that takes away the mean of each channel follows. The bias,
      which then changes nothing, stays a parameter and is not added.
    dtype: dtype of the computation and the result.
  """

  features: int
  kernel_size: int | tuple[int, int] = 3
  stride: int | tuple[int, int] = 1
  padding: str | int | tuple = 'SAME'
  use_bias: bool = True
  kernel_init: str = 'normal'
  gain: float = 0.02
  spectral_norm: bool = False
  centered: bool = False
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Convolve x."""
    w, b = _params(self, x.shape[-1])
    return conv(x.astype(self.dtype), w, self.stride, self.padding) + b


class ConvTranspose(nn.Module):
  """Transposed convolution, sizes as in PyTorch; see `conv_transpose`.

  The defaults double the size, as in DCGAN (kernel 4, stride 2, padding 1);
  CycleGAN takes kernel 3, stride 2, padding 1, output_padding 1.

  Parameters: `kernel` f32[k, k, I, features], PyTorch's [I, O, h, w] transposed
  by (2, 3, 0, 1) and not flipped; `bias` f32[features].

  Attributes: as of `Conv`, and `output_padding` (bottom and right).
  """

  features: int
  kernel_size: int | tuple[int, int] = 4
  stride: int | tuple[int, int] = 2
  padding: int = 1
  output_padding: int = 0
  use_bias: bool = True
  kernel_init: str = 'normal'
  gain: float = 0.02
  spectral_norm: bool = False
  centered: bool = False
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Map [B, H, W, I] to [B, H', W', features]."""
    w, b = _params(self, x.shape[-1])
    x = x.astype(self.dtype)
    return (
      conv_transpose(x, w, self.stride, self.padding, self.output_padding) + b
    )


class ResizeConv(nn.Module):
  """Nearest-neighbor upsampling, then a convolution of the same size.

  The cure for the checkerboards of transposed convolutions.
  Reference: Odena et al. 2016, distill.pub/2016/deconv-checkerboard.

  Attributes: as of `Conv`; `padding` is 'reflect' or 'zeros'.
  """

  features: int
  kernel_size: int = 3
  scale: int = 2
  padding: str = 'reflect'
  use_bias: bool = True
  kernel_init: str = 'normal'
  gain: float = 0.02
  spectral_norm: bool = False
  centered: bool = False
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Map [B, H, W, I] to [B, scale * H, scale * W, features]."""
    require.one_of('padding', self.padding, ('reflect', 'zeros'))
    require.holds(
      self.scale >= 1 and self.kernel_size % 2 != 0,
      f'scale = {self.scale} must be >= 1 and kernel_size = '
      f'{self.kernel_size} odd',
    )
    w, b = _params(self, x.shape[-1])
    x, reflect = x.astype(self.dtype), self.padding == 'reflect'
    whole = all(isinstance(n, int) for n in x.shape)  # not when exported
    if (self.kernel_size, self.scale) == (3, 2) and whole:
      from art_jax.nn import upsample_conv  # here: few networks need it

      return upsample_conv.convolve(x, w, reflect) + b
    x, n = upsample(x, self.scale), self.kernel_size // 2
    if reflect:
      x, n = reflect_pad(x, n), 0
    return conv(x, w, 1, n) + b
