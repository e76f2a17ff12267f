"""Convolutions, and the only place that decides how they are lowered.

Three bilinear maps belong to one strided convolution y = x * w:

  forward(x, w)      -> y         (the convolution)
  input_grad(g, w)   -> like x    (its transpose in x: a transposed convolution)
  kernel_grad(x, g)  -> like w    (its transpose in w)

The derivative of each is made of the two others, so `jax.custom_vjp` rules that
call each other are exact to every order of reverse mode. (Forward mode is not
supported.) A transposed convolution IS `input_grad`, hence its weight gradient
is the weight gradient of a strided convolution, which XLA:CPU runs well.

TPU and GPU always get the native convolution. On CPU some shapes are rewritten
as matrix products; `_rewrite` holds the rule and the measurements behind it.
"""

import dataclasses
import functools
import math

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp

# Part of jit's cache key: a function traced outside is traced again inside.
_NATIVE = jax.make_user_context(False)

_LAYOUT = ('NHWC', 'HWIO', 'NHWC')


def native_lowering():
  """Return a context manager in which CPU gets native convolutions too.

  It acts when a function is traced. The value is part of the cache key of
  `jax.jit`, so the same jitted function may be called inside and outside; an
  already lowered or compiled object does not change. For tests and for counting
  FLOPs.
  """
  return _NATIVE(True)


@dataclasses.dataclass(frozen=True)
class _Geometry:
  """The static part of a strided convolution; hashable."""

  size: tuple[int, int]  # height and width of x
  kernel: tuple[int, int]
  stride: tuple[int, int]
  padding: tuple[tuple[int, int], tuple[int, int]]
  native: bool

  @property
  def out(self) -> tuple[int, int]:
    """Height and width of y."""
    return tuple(
      (n + lo + hi - k) // s + 1
      for n, k, s, (lo, hi) in zip(
        self.size, self.kernel, self.stride, self.padding, strict=True
      )
    )


# ----------------------------------------------------------------- native ---


def _native_forward(x, w, geo):
  return lax.conv_general_dilated(
    x, w, geo.stride, geo.padding, dimension_numbers=_LAYOUT
  )


def _native_input_grad(g, w, geo):
  x = jax.ShapeDtypeStruct((g.shape[0], *geo.size, w.shape[2]), g.dtype)
  (x_bar,) = jax.linear_transpose(lambda x: _native_forward(x, w, geo), x)(g)
  return x_bar


def _native_kernel_grad(x, g, geo):
  w = jax.ShapeDtypeStruct((*geo.kernel, x.shape[3], g.shape[3]), g.dtype)
  (w_bar,) = jax.linear_transpose(lambda w: _native_forward(x, w, geo), w)(g)
  return w_bar


# ------------------------------------------------------- CPU rewrites (f32) ---


def _dispatch(native, rewrite, a, b, geo):
  """Run `rewrite` where the platform is CPU, `native` elsewhere."""
  if rewrite is None or geo.native:
    return native(a, b, geo)

  def cpu(a, b):  # bfloat16 products are accumulated in float32
    acc = jnp.promote_types(a.dtype, jnp.float32)
    return rewrite(a.astype(acc), b.astype(acc), geo).astype(a.dtype)

  return lax.platform_dependent(
    a, b, cpu=cpu, default=lambda a, b: native(a, b, geo)
  )


# ----------------------------------------------- the three maps and their vjp ---


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _forward(x, w, geo):
  return _dispatch(_native_forward, None, x, w, geo)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _input_grad(g, w, geo):
  return _dispatch(_native_input_grad, None, g, w, geo)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _kernel_grad(x, g, geo):
  return _dispatch(_native_kernel_grad, None, x, g, geo)


def _define(primal, bwd):
  def fwd(a, b, geo):
    return primal(a, b, geo), (a, b)

  primal.defvjp(fwd, bwd)


# Each map is bilinear: <c, f(a, b)> differentiated in a and in b.
_define(
  _forward,
  lambda geo, xw, c: (
    _input_grad(c, xw[1], geo),
    _kernel_grad(xw[0], c, geo),
  ),
)
_define(
  _input_grad,
  lambda geo, gw, c: (_forward(c, gw[1], geo), _kernel_grad(c, gw[0], geo)),
)
_define(
  _kernel_grad,
  lambda geo, xg, c: (_input_grad(xg[1], c, geo), _forward(xg[0], c, geo)),
)


# ------------------------------------------------------ functions and modules ---


def _pair(value, name: str) -> tuple[int, int]:
  pair = (value, value) if isinstance(value, int) else tuple(value)
  if len(pair) != 2 or any(not isinstance(v, int) or v < 1 for v in pair):
    raise ValueError(f'{name} = {value!r}: must be an int >= 1 or two of them')
  return pair


def _explicit(padding, size, kernel, stride):
  """Turn a padding field into ((top, bottom), (left, right))."""
  if isinstance(padding, str):
    if padding not in ('SAME', 'VALID'):
      raise ValueError(
        f"padding = {padding!r}: must be 'SAME', 'VALID', an int or "
        '((top, bottom), (left, right))'
      )
    return tuple(lax.padtype_to_pads(size, kernel, stride, padding))
  if isinstance(padding, int):
    padding = ((padding, padding), (padding, padding))
  padding = tuple(tuple(p) for p in padding)
  if [len(p) for p in padding] != [2, 2] or min(map(min, padding)) < 0:
    raise ValueError(
      f'padding = {padding!r}: must be >= 0, ((top, bottom), (left, right))'
    )
  return padding


def _check_operands(x, w, axis: int) -> None:
  if x.ndim != 4 or w.ndim != 4:
    raise ValueError(
      f'x has shape {x.shape} and kernel {w.shape}: both must have 4 axes'
    )
  if x.shape[3] != w.shape[axis]:
    raise ValueError(
      f'x has {x.shape[3]} channels, the kernel {w.shape} takes {w.shape[axis]}'
    )


def conv(x: jax.Array, w: jax.Array, stride=1, padding='SAME') -> jax.Array:
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
  _check_operands(x, w, 2)
  size, kernel, stride = x.shape[1:3], w.shape[:2], _pair(stride, 'stride')
  geo = _Geometry(
    size, kernel, stride, _explicit(padding, size, kernel, stride), _NATIVE.value
  )
  if min(geo.out) < 1:
    raise ValueError(
      f'input {size} with padding {geo.padding} is smaller than the kernel '
      f'{kernel}'
    )
  return _forward(x, w, geo)


def conv_transpose(
  x: jax.Array, w: jax.Array, stride=2, padding: int = 1, output_padding: int = 0
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
  _check_operands(x, w, 2)
  kernel, stride = w.shape[:2], _pair(stride, 'stride')
  if not 0 <= padding < min(kernel):
    raise ValueError(f'padding = {padding}: must be in [0, {min(kernel) - 1}]')
  if not 0 <= output_padding < min(stride):
    raise ValueError(
      f'output_padding = {output_padding}: must be in [0, stride - 1]'
    )
  size = tuple(
    (n - 1) * s - 2 * padding + k + output_padding
    for n, s, k in zip(x.shape[1:3], stride, kernel, strict=True)
  )
  if min(size) < 1:
    raise ValueError(f'the output would have size {size}')
  geo = _Geometry(
    size, kernel, stride, ((padding, padding),) * 2, _NATIVE.value
  )
  return _input_grad(x, jnp.swapaxes(w, 2, 3), geo)


def reflect_pad(x: jax.Array, n: int) -> jax.Array:
  """Mirror n pixels at each border of [B, H, W, C], the edge not repeated.

  Raises:
    ValueError: unless 0 <= n < min(H, W).
  """
  if not 0 <= n < min(x.shape[1:3]):
    raise ValueError(
      f'reflection padding of {n} pixels needs a larger image than '
      f'{x.shape[1]}x{x.shape[2]}'
    )
  return jnp.pad(x, ((0, 0), (n, n), (n, n), (0, 0)), mode='reflect')


def upsample(x: jax.Array, scale: int = 2) -> jax.Array:
  """Repeat each pixel scale x scale times: [B, H, W, C] -> [B, sH, sW, C]."""
  b, h, w, c = x.shape
  x = jnp.broadcast_to(x[:, :, None, :, None], (b, h, scale, w, scale, c))
  return x.reshape(b, h * scale, w * scale, c)


_INITS = {
  'normal': lambda gain: nn.initializers.normal(gain),
  'xavier': lambda gain: nn.initializers.variance_scaling(
    gain, 'fan_avg', 'normal'
  ),
  'he': lambda gain: nn.initializers.variance_scaling(
    2 * gain, 'fan_in', 'normal'
  ),
  'zeros': lambda gain: nn.initializers.zeros,
}


class _Conv(nn.Module):
  """Parameters of all convolutions: float32, cast to `dtype` for use."""

  def _params(self, in_features: int):
    if self.features < 1:
      raise ValueError(f'features = {self.features}: must be >= 1')
    if self.init not in _INITS:
      raise ValueError(
        f'init = {self.init!r}: must be one of {", ".join(_INITS)}'
      )
    shape = (
      *_pair(self.kernel_size, 'kernel_size'), in_features, self.features
    )
    w = self.param('kernel', _INITS[self.init](self.gain), shape)
    zeros = nn.initializers.zeros
    b = self.param('bias', zeros, shape[3:]) if self.use_bias else jnp.zeros(())
    return w.astype(self.dtype), b.astype(self.dtype)


class Conv(_Conv):
  """Convolution of [B, H, W, I] to [B, H', W', features]; see `conv`.

  Parameters: `kernel` f32[k, k, I, features], PyTorch's [O, I, h, w] transposed
  by (2, 3, 1, 0); `bias` f32[features].

  Attributes:
    features: output channels.
    kernel_size: int or (int, int).
    stride: int or (int, int).
    padding: 'SAME', 'VALID', an int or ((top, bottom), (left, right)).
    use_bias: add a bias, zero at first.
    init: kernel initialiser: 'normal' N(0, gain^2), 'xavier' and 'he' (normal,
      variance times gain) or 'zeros'.
    gain: see `init`; 0.02 is the value of DCGAN, pix2pix and CycleGAN.
    dtype: dtype of the computation and the result.
  """

  features: int
  kernel_size: int | tuple[int, int] = 3
  stride: int | tuple[int, int] = 1
  padding: str | int | tuple = 'SAME'
  use_bias: bool = True
  init: str = 'normal'
  gain: float = 0.02
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Convolve x."""
    w, b = self._params(x.shape[-1])
    return conv(x.astype(self.dtype), w, self.stride, self.padding) + b


class ConvTranspose(_Conv):
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
  init: str = 'normal'
  gain: float = 0.02
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Map [B, H, W, I] to [B, H', W', features]."""
    w, b = self._params(x.shape[-1])
    x = x.astype(self.dtype)
    return (
      conv_transpose(x, w, self.stride, self.padding, self.output_padding) + b
    )


class ResizeConv(_Conv):
  """Nearest-neighbour enlargement, then a convolution of the same size.

  The cure for the checkerboards of transposed convolutions.
  Reference: Odena et al. 2016, distill.pub/2016/deconv-checkerboard.

  Attributes: as of `Conv`; `padding` is 'reflect' or 'zeros'.
  """

  features: int
  kernel_size: int = 3
  scale: int = 2
  padding: str = 'reflect'
  use_bias: bool = True
  init: str = 'normal'
  gain: float = 0.02
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Map [B, H, W, I] to [B, scale * H, scale * W, features]."""
    if self.padding not in ('reflect', 'zeros'):
      raise ValueError(
        f"padding = {self.padding!r}: must be 'reflect' or 'zeros'"
      )
    if self.scale < 1 or self.kernel_size % 2 == 0:
      raise ValueError(
        f'scale = {self.scale} must be >= 1 and kernel_size = '
        f'{self.kernel_size} odd'
      )
    w, b = self._params(x.shape[-1])
    n = self.kernel_size // 2
    x = upsample(x.astype(self.dtype), self.scale)
    if self.padding == 'reflect':
      x, n = reflect_pad(x, n), 0
    return conv(x, w, 1, n) + b
