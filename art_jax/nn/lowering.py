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
as matrix products (`cpu_rewrites`) by the rules below, which measurements gave.
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
#   input_grad   256x256x64, 3x3 /2 -> 128, 1              16.6  10.9  phases
#
# The same of later rewrites, phases or native -> rewritten, on a machine that
# others used too: medians of one core's processor time.
#
#   input_grad   32x32x64, 4x4 /2 -> 128, 64               35.2  26.6  blocks
#   input_grad   16x16x128, 4x4 /2 -> 256, 64              30.2  26.2  blocks
#   forward      8x8x256, 4x4 /2 -> 512, 64                34.6  24.6  columns
#   input_grad   32x32x512, 3x3 -> 512, 1                  28.7  23.0  columns
#   kernel_grad  32x32x64, 3x3 -> 64, 32                   21.6  17.9  bands
#   kernel_grad  32x32x64, 4x4 /2 -> 128, 64               42.9  30.6  bands
#   kernel_grad  64x64x64, 4x4 /2 -> 128, 32                130    86  bands
#   kernel_grad  128x128x3, 4x4 /2 -> 64, 32               44.7  10.4  bands
#   kernel_grad  66x66x256, 3x3 -> 256, 1                  48.8  29.8  bands
#   kernel_grad  66x66x128, 3x3 -> 128, 4                   125  33.6  bands
#   kernel_grad  256x256x64, 3x3 /2 -> 128, 1              34.6  17.7  bands
#   kernel_grad  262x262x64, 7x7 -> 3, 1                   55.7  15.4  swapped
#   kernel_grad  264x264x32, 9x9 -> 3, 4                    192  47.0  swapped
#   kernel_grad  31x31x512, 4x4 -> 1, 1                    10.6   0.1  swapped
#
# Kernels of one pixel and small layers: minimum of 7, one core with AVX2 alone.
#
#   forward      32x32x64, 1x1 -> 64, 64                   27.3  18.2  columns
#   forward      32x32x96, 1x1 -> 32, 64                    9.6   6.5  columns
#   input_grad   16x16x64, 1x1 -> 192, 64                   8.9   6.9  columns
#   kernel_grad  32x32x64, 1x1 -> 64, 64                    338  13.1  bands
#   kernel_grad  16x16x64, 1x1 -> 192, 64                  82.3   8.9  bands
#   kernel_grad  16x16x64, 1x1 -> 64, 64                   15.6   3.9  columns
#   kernel_grad  16x16x128, 1x1 -> 128, 1                   0.3   0.2  columns
#   kernel_grad  32x32x3, 3x3 -> 32, 64                    22.0   7.5  bands
#   kernel_grad  8x8x64, 3x3 -> 64, 64                      7.7   5.2  bands
#   kernel_grad  16x16x32, 3x3 -> 32, 32                    4.8   3.2  bands
#   kernel_grad  32x32x64, 3x3 -> 64, 64                    779  89.7  bands
#   kernel_grad  16x16x128, 4x4 /2 -> 256, 64              90.4  55.6  bands
#   kernel_grad  8x8x256, 3x3 -> 512, 32                   88.1  63.9  bands
#
# Two cores with AVX2, time on the wall:
#
#   kernel_grad  16x16x128, 4x4 /2 -> 256, 64              69.3  43.5  bands
#   kernel_grad  8x8x256, 4x4 /2 -> 512, 64                45.6  45.6  bands
#   kernel_grad  64x64x256, 3x3 -> 256, 1                  82.6  48.1  bands
#   kernel_grad  32x32x64, 4x4 /2 -> 128, 64                148  57.4  bands
#
# Turned kernels, columns -> taps, one core:
#
#   input_grad   8x8x512, 4x4 /2 -> 1024, 1                42.2  15.9  taps
#
# Measured and left out, as one of the above is faster: Winograd's 3x3 (its
# transforms cost more than the products saved), space to depth, k*k
# shifted-slice products, the product to k*k*O channels with shifted adds, sums
# over rows, forward in bands (a little faster with stride 2 and many channels,
# else slower), input_grad in bands (faster on one core, but not on two).


_LARGE = 2**20  # values of a kernel


def _is_product(geo):
  """Tell whether it is a matrix product as it stands: no patches to copy."""
  unpadded = not any(map(any, geo.padding))
  return unpadded and geo.kernel == geo.stride == (1, 1)


def _by_taps(positions, channels, geo):
  """Tell whether turning the kernel around would cost more than the product."""
  large = math.prod(geo.kernel) * channels >= _LARGE
  return geo.turned and large and positions <= 256


def _choose_forward(x, w, geo):
  outputs = len(x) * math.prod(geo.out)
  if _by_taps(outputs, math.prod(w.shape[2:]), geo):
    return cpu_rewrites.forward_taps
  if geo.out == (1, 1) or _is_product(geo):
    return cpu_rewrites.forward_columns
  patches = outputs * math.prod(w.shape[:3])
  deep = w.shape[3] >= 512 or math.prod(geo.out) <= 4
  if max(geo.stride) > 1 and deep and patches <= 2**23:
    return cpu_rewrites.forward_columns
  unpadded = not any(map(any, geo.padding)) and geo.kernel != (1, 1)
  return cpu_rewrites.forward_wide if unpadded and geo.out[1] >= 8 else None


def _choose_input_grad(g, w, geo):
  if _is_product(geo):
    return cpu_rewrites.input_grad_columns
  if any(k < s for k, s in zip(geo.kernel, geo.stride, strict=True)):
    return None  # some phases would have no taps
  positions, (channels, depth) = math.prod(g.shape[:3]), w.shape[2:]
  if _by_taps(positions, channels * depth, geo):
    return cpu_rewrites.input_grad_taps
  products = positions * math.prod(geo.kernel) * channels
  most = 2**22 if max(geo.stride) > 1 else 2**23
  most = 2**26 if channels <= 4 else most
  deep = depth >= 32 or channels <= 4
  if deep and products <= most and geo.kernel != (1, 1):
    return cpu_rewrites.input_grad_columns
  if max(geo.stride) == 1:
    return None
  if all(k % s == 0 for k, s in zip(geo.kernel, geo.stride, strict=True)):
    return cpu_rewrites.input_grad_blocks
  return cpu_rewrites.input_grad_phases


def _choose_kernel_grad(x, g, geo):
  positions, (i, o) = math.prod(g.shape[:3]), (x.shape[3], g.shape[3])
  patches = positions * math.prod(geo.kernel) * i
  swapped = math.prod((len(x), *geo.size, *geo.kernel)) * o
  # Loops over the batch, which several devices would share, take a second to
  # compile.
  alone = jax.device_count() == 1
  banded = alone and positions >= 1024 and patches > 2**20
  if _is_product(geo):
    if banded and i * o < 2**16:
      return cpu_rewrites.kernel_grad_bands
    return cpu_rewrites.kernel_grad_columns
  if _by_taps(positions, i * o, geo):
    return cpu_rewrites.kernel_grad_taps
  if _may_swap(geo) and swapped < patches:
    few = o <= 4 and (alone or swapped <= cpu_rewrites.BAND)
    if few or (alone and swapped > 2**22):
      return cpu_rewrites.kernel_grad_swapped
  if banded:
    return cpu_rewrites.kernel_grad_bands
  fits = positions <= 2048 and i >= 32
  return cpu_rewrites.kernel_grad_columns if fits else None


def _may_swap(geo):
  inside = all(max(p) < k for p, k in zip(geo.padding, geo.kernel, strict=True))
  return inside and max(geo.stride) == 1


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
def forward(x, w, geo):
  """Return y [N, h', w', O] for x [N, H, W, I] and kernel w [h, w, I, O]."""
  return _dispatch(geometry.forward, _choose_forward, x, w, geo)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def input_grad(g, w, geo):
  """Return the gradient in x, [N, H, W, I], of the gradient g in y."""
  return _dispatch(geometry.input_grad, _choose_input_grad, g, w, geo)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def kernel_grad(x, g, geo):
  """Return the gradient in w, [h, w, I, O], of the gradient g in y."""
  return _dispatch(geometry.kernel_grad, _choose_kernel_grad, x, g, geo)


def _define(primal, bwd):
  def fwd(a, b, geo):
    return primal(a, b, geo), (a, b)

  primal.defvjp(fwd, bwd)


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
