"""How convolutions are lowered: the only place that decides it.

Three bilinear maps belong to one strided convolution y = x * w:

  forward(x, w)      -> y         (the convolution)
  input_grad(g, w)   -> like x    (its transpose in x: a transposed convolution)
  kernel_grad(x, g)  -> like w    (its transpose in w)

The derivative of each is made of the two others, so `jax.custom_vjp` rules that
call each other are exact to every order of reverse mode. (Forward mode is not
supported.) A transposed convolution IS `input_grad`, hence its weight gradient
is the weight gradient of a strided convolution, which XLA:CPU runs well.

TPU and GPU always get the native convolution. On CPU some shapes are rewritten
as matrix products or as other convolutions (`cpu_rewrites`) by the rules below,
which measurements gave, and the others are XLA's own (`xla_cpu`).
"""

import functools
import math

import jax
import jax.numpy as jnp
from jax import lax

from art_jax.nn import cpu_rewrites, geometry

# Part of jit's cache key: a function traced outside is traced again inside.
_NATIVE = jax.make_user_context(False)


def native_lowering():
  """Return a context manager in which CPU gets native convolutions too.

  It acts when a function is traced. The value is part of the cache key of
  `jax.jit`, so the same jitted function may be called inside and outside; an
  already lowered or compiled object does not change. For tests and for counting
  FLOPs.
  """
  return _NATIVE(True)


def is_native() -> bool:
  """Tell whether `native_lowering` is in force."""
  return _NATIVE.value


# --- when CPU gets which rewrite (float32)
#
# XLA's own against the rewrite, ms, two cores with AVX2, jax 0.10.2, minimum
# of 4, `xla_flags.FLAG` set; read it as ratios. All else is left to XLA.
#
#   map          shape (x -> kernel, batch)                XLA's  rewritten
#   forward      4x4x256, 5x5 /2 -> 512, 100                1974    24  columns
#   forward      512x512x32, 9x9 -> 3, 1                     206    59  rows
#   forward      262x262x64, 7x7 -> 3, 1                    56.8  17.0  rows
#   forward      64x64x64, 3x3 -> 3, 8                       5.6   2.7  rows
#   input_grad   32x32x64, 4x4 /2 -> 128, 64                 106    34  blocks
#   input_grad   16x16x128, 4x4 /2 -> 256, 64                 76    36  blocks
#   input_grad   256x256x32, 3x3 /2 -> 64, 4                 132    56  phases
#   input_grad   262x262x3, 7x7 -> 64, 1                    69.7  42.5  columns
#   input_grad   8x8x256, 4x4 /2 -> 512, 64                 68.8  32.7  columns
#   input_grad   4x4x256, 5x5 /2 -> 512, 100                 775    21  columns
#   input_grad   4x4x512, 4x4 -> 100, 64                    13.3   2.6  columns
#   input_grad   16x16x512, 4x4 /2 -> 512, 1                14.3   6.3  columns
#   kernel_grad  32x32x64, 1x1 -> 64, 64                    33.1  11.7  bands
#   kernel_grad  64x64x1, 3x3 -> 32, 64                     22.5   8.1  bands
#   kernel_grad  128x128x3, 4x4 /2 -> 64, 32                33.5  13.3  bands
#   kernel_grad  128x128x64, 3x3 /2 -> 128, 1               22.7   7.2  bands
#   kernel_grad  64x64x128, 4x4 /2 -> 256, 1                17.5  13.3  bands
#   kernel_grad  16x16x512, 4x4 /2 -> 512, 1                 8.6   4.8  columns
#   kernel_grad  32x32x256, 4x4 -> 512, 1                   42.1  35.4  columns
#   kernel_grad  134x134x64, 7x7 -> 3, 1                    16.5   5.3  swapped
#   kernel_grad  31x31x512, 4x4 -> 1, 1                     20.6   0.9  swapped
#
# The same together with what makes x, the gradient of a batch norm:
#
#   kernel_grad  32x32x64, 4x4 /2 -> 128, 64                 104    50  apart
#   kernel_grad  64x64x64, 4x4 /2 -> 128, 32                 209   138  apart
#   kernel_grad  16x16x64, 4x4 /2 -> 128, 100               27.8  18.9  apart
#   kernel_grad  32x32x64, 3x3 -> 64, 32                    29.2  26.5  apart
#
# There XLA's own is the faster one:
#
#   kernel_grad  66x66x128, 3x3 -> 128, 4                   31.8  71.8  bands
#   kernel_grad  16x16x128, 4x4 /2 -> 256, 64               31.4  40.4  bands
#   kernel_grad  134x134x3, 7x7 -> 64, 1                     3.1  10.0  bands
#   kernel_grad  4x4x256, 5x5 /2 -> 512, 100                19.5  28.0  columns
#   forward      8x8x256, 4x4 /2 -> 512, 64                 32.9  36.6  columns
#   forward      32x32x16, 5x5 -> 1, 16                      1.6   2.0  rows
#
# Turned kernels, columns -> taps, one core:
#
#   input_grad   8x8x512, 4x4 /2 -> 1024, 1                 42.2  15.9  taps
#
# Measured and left out, as one of the above is faster: Winograd's 3x3 (its
# transforms cost more than the products saved), space to depth, k*k
# shifted-slice products, the product to k*k*O channels with shifted adds, sums
# over rows, forward and input_grad in bands.


_LARGE = 2**20  # values of a kernel


def _by_taps(positions, channels, geo):
  """Tell whether turning the kernel around would cost more than the product."""
  return (
    geo.turned
    and (math.prod(geo.kernel) * channels >= _LARGE)
    and positions <= 256
  )


def _choose_forward(x, w, geo):
  if _by_taps(len(x) * math.prod(geo.out), math.prod(w.shape[2:]), geo):
    return cpu_rewrites.forward_taps
  if any(k > n for k, n in zip(geo.kernel, geo.size, strict=True)):
    return cpu_rewrites.forward_columns
  depth, channels = w.shape[2:]
  few = channels <= 4 and max(geo.stride) == 1
  wide = depth >= 16 and geo.kernel[1] * channels >= 9
  return cpu_rewrites.forward_rows if few and wide else None


def _choose_input_grad(g, w, geo):
  if any(k < s for k, s in zip(geo.kernel, geo.stride, strict=True)):
    return None  # some phases would have no taps
  positions, (channels, depth) = math.prod(g.shape[:3]), w.shape[2:]
  if _by_taps(positions, channels * depth, geo):
    return cpu_rewrites.input_grad_taps
  products = positions * math.prod(geo.kernel) * channels
  most = 2**26 if channels <= 4 else (2**22 if max(geo.stride) > 1 else 2**23)
  deep = depth >= 32 or channels <= 4
  if deep and products <= most and geo.kernel != (1, 1):
    return cpu_rewrites.input_grad_columns
  if max(geo.stride) == 1:
    return None
  whole = all(k % s == 0 for k, s in zip(geo.kernel, geo.stride, strict=True))
  return (
    cpu_rewrites.input_grad_blocks if whole else cpu_rewrites.input_grad_phases
  )


def _choose_kernel_grad(x, g, geo):
  positions, (i, o) = math.prod(g.shape[:3]), (x.shape[3], g.shape[3])
  patches = positions * math.prod(geo.kernel) * i
  swapped = math.prod((len(x), *geo.size, *geo.kernel)) * o
  # Loops over the batch, which several devices would share, take a second to
  # compile; and XLA does not say how it shares what is not inlined.
  alone = jax.device_count() == 1
  if _by_taps(positions, i * o, geo):
    return cpu_rewrites.kernel_grad_taps
  inside = all(max(p) < k for p, k in zip(geo.padding, geo.kernel, strict=True))
  if (
    o <= 4
    and inside
    and max(geo.stride) == 1
    and swapped < patches
    and (alone or swapped <= cpu_rewrites.BAND)
  ):
    return cpu_rewrites.kernel_grad_swapped
  # XLA's own is a convolution whose channels are the samples, and whose kernel
  # is g, spread out by the stride.
  few, strided, point = len(x) < 4, max(geo.stride) > 1, geo.kernel == (1, 1)
  slow = point or i == 1 or (strided and (few or i <= 4))
  if slow and alone and positions >= 1024 and patches >= 2**19:
    return cpu_rewrites.kernel_grad_bands
  small = point or (few and (strided or i * o >= 2**17))
  if small and positions <= 2048 and i >= 32:
    return cpu_rewrites.kernel_grad_columns
  return None if few or not alone else cpu_rewrites.kernel_grad_apart


def dispatch(native, choose, a, b, geo):
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
def forward(x, w, geo):
  """Return y [N, h', w', O] for x [N, H, W, I] and kernel w [h, w, I, O]."""
  return dispatch(geometry.forward, _choose_forward, x, w, geo)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def input_grad(g, w, geo):
  """Return the gradient in x, [N, H, W, I], of the gradient g in y."""
  return dispatch(geometry.input_grad, _choose_input_grad, g, w, geo)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def kernel_grad(x, g, geo):
  """Return the gradient in w, [h, w, I, O], of the gradient g in y."""
  return dispatch(geometry.kernel_grad, _choose_kernel_grad, x, g, geo)


def _define(primal, bwd):
  primal.defvjp(lambda a, b, geo: (primal(a, b, geo), (a, b)), bwd)


# Each map is bilinear: <c, f(a, b)> differentiated in a and in b.
_define(
  forward,
  lambda geo, xw, c: (
    input_grad(c, xw[1], geo),
    kernel_grad(xw[0], c, geo),
  ),
)
_define(
  input_grad,
  lambda geo, gw, c: (forward(c, gw[1], geo), kernel_grad(c, gw[0], geo)),
)
_define(
  kernel_grad,
  lambda geo, xg, c: (input_grad(xg[1], c, geo), forward(xg[0], c, geo)),
)
