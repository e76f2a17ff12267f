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
as matrix products; `_rewrite` holds the rule and the measurements behind it.
"""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
from jax import lax

# Part of jit's cache key: a function traced outside is traced again inside.
_NATIVE = jax.make_user_context(False)

_LAYOUT = ('NHWC', 'HWIO', 'NHWC')
# Patches of a band: 2 MiB, about what the cache of one core holds.
_BAND = 2**19


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


@dataclasses.dataclass(frozen=True)
class Geometry:
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
#   input_grad   256x256x64, 3x3 /2 -> 128, 1              16.6  10.9  phases
#   kernel_grad  34x34x256, 3x3 -> 256, 4                  80.4  22.7  wide
#   kernel_grad  64x64x128, 3x3 /2 -> 256, 1                4.5   2.2  columns
#   kernel_grad  32x32x128, 4x4 /2 -> 256, 1                2.7   1.3  columns
#   kernel_grad  15x15x512, 4x4 -> 1, 1                     4.7   1.5  columns
#
# The same of later rewrites, phases or native -> rewritten, on a machine that
# others used too: medians of one core's processor time.
#
#   input_grad   32x32x64, 4x4 /2 -> 128, 64               35.2  26.6  blocks
#   input_grad   16x16x128, 4x4 /2 -> 256, 64              30.2  26.2  blocks
#   forward      8x8x256, 4x4 /2 -> 512, 64                34.6  24.6  columns
#   input_grad   32x32x512, 3x3 -> 512, 1                  28.7  23.0  columns
#
# Measured and left out, as one of the above is faster: Winograd's 3x3 (its
# transforms cost more than the products saved), space to depth, k*k
# shifted-slice products, the product to k*k*O channels with shifted adds, sums
# over rows.


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


def _bands(x, geo):
  """Return (patches, count, rows): the outputs in bands.

  A band is some samples, or some rows of one, whose patches stay in the cache.
  patches(i) are those of band i, [outputs, h * w * I]; the last band of a
  sample may hang over its bottom by rows that are not wanted.
  """
  (kh, kw), (sh, _), (height, width) = geo.kernel, geo.stride, geo.out
  fit = max(_BAND // (width * kh * kw * x.shape[3]), 1)
  samples, rows, part = 1, height, geo
  if fit >= height:
    most = min(fit // height, x.shape[0])
    samples = max(n for n in range(1, most + 1) if x.shape[0] % n == 0)
  bands = -(-height // fit)  # of a sample
  if bands > 1:
    rows = -(-height // bands)
    (top, bottom), sides = geo.padding
    bottom = max(bottom, (bands * rows - 1) * sh + kh - geo.size[0] - top)
    x = jnp.pad(x, ((0, 0), (top, bottom), sides, (0, 0)))
    size = ((rows - 1) * sh + kh, x.shape[2])
    part = dataclasses.replace(geo, size=size, padding=((0, 0), (0, 0)))
  count = x.shape[0] // samples * bands

  def patches(i):
    start = (i // bands * samples, i % bands * rows * sh, 0, 0)
    taken = (samples, *part.size, x.shape[3])
    band = x if count == 1 else lax.dynamic_slice(x, start, taken)
    columns = _patches(band, part)
    return columns.reshape(-1, columns.shape[3])

  return patches, count, bands * rows


def _kernel_grad_swapped(x, g, geo):
  """The patches of g instead of those of x, for fewer outputs than inputs.

  Of stride 1: w_bar[i] = sum over q of x[q] g[q + lo - i].
  """
  pads = tuple(
    (k - 1 - lo, k - 1 - hi)
    for k, (lo, hi) in zip(geo.kernel, geo.padding, strict=True)
  )
  swapped = dataclasses.replace(geo, size=geo.out, padding=pads)
  w_bar = _kernel_grad_bands(g, x, swapped)
  return jnp.swapaxes(w_bar[::-1, ::-1], 2, 3)


def _kernel_grad_bands(x, g, geo):
  patches, count, rows = _bands(x, geo)
  g = jnp.pad(g, ((0, 0), (0, rows - geo.out[0]), (0, 0), (0, 0)))
  g = g.reshape(count, -1, g.shape[3])
  shape = (*geo.kernel, x.shape[3], g.shape[2])
  # XLA:CPU is twice as fast where the left factor is the narrower one.
  narrow = math.prod(shape[:3]) < shape[3]

  def product(i):
    pair = (patches(i), g[i]) if narrow else (g[i], patches(i))
    return jnp.tensordot(*pair, ((0,), (0,)))

  if count == 1:
    w_bar = product(0)
  else:
    zero = jnp.zeros_like(jax.eval_shape(product, 0))
    w_bar = lax.fori_loop(0, count, lambda i, w: w + product(i), zero)
  return (w_bar if narrow else w_bar.T).reshape(shape)


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


def _input_grad_blocks(g, w, geo):
  """All phases as the channels of one convolution.

  For kernels that are multiples of the stride: else taps would be padded.
  """
  (s, t), (kh, kw), (_, _, i, o) = geo.stride, geo.kernel, w.shape
  w = w.reshape(kh // s, s, kw // t, t, i, o)[::-1, :, ::-1]
  w = w.transpose(0, 2, 5, 1, 3, 4).reshape(kh // s, kw // t, o, s * t * i)
  pads = tuple(
    (k // step - 1, _counts(geo, axis) - geo.out[axis])
    for axis, (k, step) in enumerate(zip(geo.kernel, geo.stride, strict=True))
  )
  x = lax.conv_general_dilated(g, w, (1, 1), pads, dimension_numbers=_LAYOUT)
  x = x.reshape(*x.shape[:3], s, t, i)
  return _interleave(lambda r, c: x[:, :, :, r, c], geo)


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
  patches = x.shape[0] * math.prod(geo.out) * math.prod(w.shape[:3])
  deep = w.shape[3] >= 512 or math.prod(geo.out) <= 4
  if max(geo.stride) > 1 and deep and patches <= 2**23:
    return _forward_columns
  unpadded = not any(map(any, geo.padding)) and geo.kernel != (1, 1)
  return _forward_wide if unpadded and geo.out[1] >= 8 else None


def _choose_input_grad(g, w, geo):
  if any(k < s for k, s in zip(geo.kernel, geo.stride, strict=True)):
    return None  # some phases would have no taps
  channels = w.shape[2]
  products = math.prod(g.shape[:3]) * math.prod(geo.kernel) * channels
  most = 2**22 if max(geo.stride) > 1 else 2**23
  most = 2**26 if channels <= 4 else most
  if g.shape[3] >= 32 and products <= most and geo.kernel != (1, 1):
    return _input_grad_columns
  if max(geo.stride) == 1:
    return None
  whole = all(k % s == 0 for k, s in zip(geo.kernel, geo.stride, strict=True))
  return _input_grad_blocks if whole else _input_grad_phases


def _choose_kernel_grad(x, g, geo):
  positions, (i, o) = math.prod(g.shape[:3]), (x.shape[3], g.shape[3])
  size = positions * math.prod(geo.kernel) * i
  # With several devices no loop over the batch, which they share.
  if size > _BAND and (jax.device_count() > 1 or _is_deep(i, o, positions)):
    return None
  inside = all(max(p) < k for p, k in zip(geo.padding, geo.kernel, strict=True))
  fewer = o * math.prod(geo.size) < i * math.prod(geo.out)
  swap = fewer and inside and max(geo.stride) == 1
  return _kernel_grad_swapped if swap else _kernel_grad_bands


def _is_deep(inputs, outputs, positions):
  return inputs >= 256 and outputs >= 512 and positions > 512


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
  return _dispatch(_native_forward, _choose_forward, x, w, geo)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def input_grad(g, w, geo):
  """Return the gradient in x, [N, H, W, I], of the gradient g in y."""
  return _dispatch(_native_input_grad, _choose_input_grad, g, w, geo)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def kernel_grad(x, g, geo):
  """Return the gradient in w, [h, w, I, O], of the gradient g in y."""
  return _dispatch(_native_kernel_grad, _choose_kernel_grad, x, g, geo)


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
