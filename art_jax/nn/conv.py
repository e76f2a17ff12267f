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

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

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


# --- native


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


# --- CPU rewrites (f32)
#
# Medians in ms, native -> rewritten, runs alternated in one process; 2 cores
# (AVX-512), jax 0.10.2, float32. Read it as ratios.
#
#   map          shape (x -> kernel, batch)              native  rewritten
#   forward      134x134x64, 7x7 -> 3, 1                   99.9   2.6  wide
#   forward      262x262x64, 7x7 -> 3, 1                    377    11  wide
#   forward      70x70x32, 7x7 -> 3, 1                      3.2   0.6  wide
#   forward      34x34x256, 3x3 -> 256, 1 / 4        6.5 / 89.1   3.8 / 16.4
#   forward      66x66x256, 3x3 -> 256, 1                  87.2  14.3  wide
#   forward      4x4x512, 4x4 -> 100, 64                    2.7   1.4  columns
#   input_grad   262x262x3, 7x7 -> 64, 1                   76.3  19.5  columns
#   input_grad   4x4x512, 4x4 -> 100, 64                   14.6   4.6  columns
#   input_grad   16x16x256, 4x4 -> 512, 1                   6.1   3.6  columns
#   input_grad   32x32x64, 4x4 /2 -> 128, 64               47.8  20.5  phases
#   input_grad   16x16x128, 4x4 /2 -> 256, 64              31.7  15.9  phases
#   input_grad   256x256x64, 3x3 /2 -> 128, 1              16.6  10.9  phases
#   kernel_grad  34x34x256, 3x3 -> 256, 4                  80.4  22.7  wide
#   kernel_grad  64x64x128, 3x3 /2 -> 256, 1                4.5   2.2  columns
#   kernel_grad  32x32x128, 4x4 /2 -> 256, 1                2.7   1.3  columns
#   kernel_grad  15x15x512, 4x4 -> 1, 1                     4.7   1.5  columns
#
# Measured and left out, as one of the above is faster: k*k shifted-slice
# products, the product to k*k*O channels with shifted adds, sums over rows.


def _taps(geo):
  return [(i, j) for i in range(geo.kernel[0]) for j in range(geo.kernel[1])]


def _patches(x, geo):
  """Return [N, h', w', h * w * I], the inputs below every output (im2col)."""
  zero = jnp.zeros((), x.dtype)
  pads = ((0, 0, 0), *((lo, hi, 0) for lo, hi in geo.padding), (0, 0, 0))
  x = lax.pad(x, zero, pads)
  (oh, ow), (sh, sw), (n, _, _, c) = geo.out, geo.stride, x.shape
  ends = ((oh - 1) * sh + 1, (ow - 1) * sw + 1)
  return jnp.concatenate(
    [
      lax.slice(
        x, (0, i, j, 0), (n, i + ends[0], j + ends[1], c), (1, sh, sw, 1)
      )
      for i, j in _taps(geo)
    ],
    axis=3,
  )


def _forward_columns(x, w, geo):
  return jnp.tensordot(_patches(x, geo), w.reshape(-1, w.shape[3]), 1)


def _kernel_grad_columns(x, g, geo):
  w_bar = jnp.tensordot(_patches(x, geo), g, ((0, 1, 2), (0, 1, 2)))
  return w_bar.reshape(*geo.kernel, x.shape[3], g.shape[3])


def _wide(geo):
  """Add one output column, to be dropped.

  XLA:CPU copies the patches of a padded convolution into a dense matrix, but
  walks those of an unpadded one with strides, which is 2 to 40 times slower.
  """
  (top, bottom), (left, right) = geo.padding
  right += geo.stride[1]
  return dataclasses.replace(geo, padding=((top, bottom), (left, right)))


def _forward_wide(x, w, geo):
  return _native_forward(x, w, _wide(geo))[:, :, : geo.out[1]]


def _kernel_grad_wide(x, g, geo):
  g = jnp.pad(g, ((0, 0), (0, 0), (0, 1), (0, 0)))
  return _native_kernel_grad(x, g, _wide(geo))


def _interleave(phase, geo):
  """Assemble the input gradient from its phases, `phase(row, column)`.

  The padded input coordinate s * q + r (q < Q, 0 <= r < s) only meets the taps
  r, r + s, r + 2s, ... of the kernel: s * s small convolutions of stride 1.
  """
  rows = []
  for r in range(geo.stride[0]):
    cols = [phase(r, t) for t in range(geo.stride[1])]
    rows.append(jnp.stack(cols, axis=3))
  x = jnp.stack(rows, axis=2)  # [N, Q, s, Q', s', I]
  n, a, s, b, t, c = x.shape
  (top, _), (left, _) = geo.padding
  x = x.reshape(n, a * s, b * t, c)
  return x[:, top : top + geo.size[0], left : left + geo.size[1]]


def _counts(geo, axis):
  """Return Q, the number of padded input positions of each phase."""
  lo = geo.padding[axis][0]
  return -(-(lo + geo.size[axis]) // geo.stride[axis])


def _input_grad_phases(g, w, geo):
  def phase(r, t):
    part = w[r :: geo.stride[0], t :: geo.stride[1]]
    pads = tuple(
      (k - 1, _counts(geo, axis) - geo.out[axis])
      for axis, k in enumerate(part.shape[:2])
    )
    part = jnp.swapaxes(part[::-1, ::-1], 2, 3)
    return lax.conv_general_dilated(
      g, part, (1, 1), pads, dimension_numbers=_LAYOUT
    )

  return _interleave(phase, geo)


def _input_grad_columns(g, w, geo):
  """One product to h * w * I channels, then shifted sums (col2im)."""
  products = jnp.tensordot(g, w.reshape(-1, w.shape[3]), ((3,), (1,)))
  zero, channels = jnp.zeros((), g.dtype), w.shape[2]

  def phase(r, t):
    total = 0
    for n, (i, j) in enumerate(_taps(geo)):
      if i % geo.stride[0] != r or j % geo.stride[1] != t:
        continue
      before = (i // geo.stride[0], j // geo.stride[1])
      pads = [
        (b, _counts(geo, axis) - geo.out[axis] - b, 0)
        for axis, b in enumerate(before)
      ]
      part = products[..., n * channels : (n + 1) * channels]
      total += lax.pad(part, zero, ((0, 0, 0), *pads, (0, 0, 0)))
    return total

  return _interleave(phase, geo)


def _choose_forward(x, w, geo):
  if geo.out == (1, 1):
    return _forward_columns
  unpadded = not any(map(any, geo.padding)) and geo.kernel != (1, 1)
  return _forward_wide if unpadded and geo.out[1] >= 8 else None


def _choose_input_grad(g, w, geo):
  if any(k < s for k, s in zip(geo.kernel, geo.stride, strict=True)):
    return None  # some phases would have no taps
  channels = w.shape[2]
  products = math.prod(g.shape[:3]) * math.prod(geo.kernel) * channels
  most = 2**26 if channels <= 4 else 2**22
  if g.shape[3] >= 32 and products <= most and geo.kernel != (1, 1):
    return _input_grad_columns
  return _input_grad_phases if max(geo.stride) > 1 else None


def _choose_kernel_grad(x, g, geo):
  positions = math.prod(g.shape[:3])
  if positions <= 2048 and x.shape[3] >= 32:
    return _kernel_grad_columns
  unpadded = not any(map(any, geo.padding)) and geo.kernel != (1, 1)
  wide = unpadded and x.shape[0] > 1 and min(x.shape[3], g.shape[3]) >= 32
  return _kernel_grad_wide if wide else None


def _dispatch(native, choose, a, b, geo):
  """Run the rewrite chosen for CPU there, `native` on other platforms.

  With one target platform XLA sees one branch and inlines it: no conditional is
  left in the compiled program (a convolution inside one is 3-13 times slower).
  """
  rewrite = None if geo.native else choose(a, b, geo)
  if rewrite is None:
    return native(a, b, geo)

  def conv_cpu_rewrite(a, b):  # bfloat16 products are summed in float32
    acc = jnp.promote_types(a.dtype, jnp.float32)
    return rewrite(a.astype(acc), b.astype(acc), geo).astype(a.dtype)

  return lax.platform_dependent(
    a,
    b,
    cpu=jax.named_call(conv_cpu_rewrite, name='conv_cpu_rewrite'),
    default=lambda a, b: native(a, b, geo),
  )


# --- the three maps and their vjp


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _forward(x, w, geo):
  return _dispatch(_native_forward, _choose_forward, x, w, geo)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _input_grad(g, w, geo):
  return _dispatch(_native_input_grad, _choose_input_grad, g, w, geo)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _kernel_grad(x, g, geo):
  return _dispatch(_native_kernel_grad, _choose_kernel_grad, x, g, geo)


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


# --- functions and modules


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
    size,
    kernel,
    stride,
    _explicit(padding, size, kernel, stride),
    _NATIVE.value,
  )
  if any(n < 1 for n in geo.out):
    raise ValueError(
      f'input {size} with padding {geo.padding} is smaller than the kernel '
      f'{kernel}'
    )
  return _forward(x, w, geo)


def conv_transpose(
  x: jax.Array,
  w: jax.Array,
  stride=2,
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
  if any(n < 1 for n in size):
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
  # Not min(): the sizes may be symbolic when a program is exported.
  if n < 0 or any(size <= n for size in x.shape[1:3]):
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


def _params(module, in_features: int):
  """Create kernel and bias (float32) of a module, cast to its dtype."""
  if module.features < 1:
    raise ValueError(f'features = {module.features}: must be >= 1')
  if module.kernel_init not in _INITS:
    raise ValueError(
      f'kernel_init = {module.kernel_init!r}: must be one of '
      f'{", ".join(_INITS)}'
    )
  kernel = _pair(module.kernel_size, 'kernel_size')
  shape = (*kernel, in_features, module.features)
  w = module.param('kernel', _INITS[module.kernel_init](module.gain), shape)
  b = jnp.zeros(())
  if module.use_bias:
    b = module.param('bias', nn.initializers.zeros, shape[3:])
  return w.astype(module.dtype), b.astype(module.dtype)


class Conv(nn.Module):
  """Convolution of [B, H, W, I] to [B, H', W', features]; see `conv`.

  Parameters: `kernel` f32[k, k, I, features], PyTorch's [O, I, h, w] transposed
  by (2, 3, 1, 0); `bias` f32[features].

  Attributes:
    features: output channels.
    kernel_size: int or (int, int).
    stride: int or (int, int).
    padding: 'SAME', 'VALID', an int or ((top, bottom), (left, right)).
    use_bias: add a bias, zero at first.
    kernel_init: 'normal' N(0, gain^2), 'xavier' and 'he' (normal,
      variance times gain) or 'zeros'.
    gain: see `kernel_init`; 0.02 is the value of DCGAN, pix2pix and CycleGAN.
    dtype: dtype of the computation and the result.
  """

  features: int
  kernel_size: int | tuple[int, int] = 3
  stride: int | tuple[int, int] = 1
  padding: str | int | tuple = 'SAME'
  use_bias: bool = True
  kernel_init: str = 'normal'
  gain: float = 0.02
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
  kernel_init: str = 'normal'
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
    w, b = _params(self, x.shape[-1])
    n = self.kernel_size // 2
    x = upsample(x.astype(self.dtype), self.scale)
    if self.padding == 'reflect':
      x, n = reflect_pad(x, n), 0
    return conv(x, w, 1, n) + b
