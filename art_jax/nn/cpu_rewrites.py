"""Convolutions as what XLA:CPU runs well: large matrix products, and others.

Each function computes one of the three maps of `lowering` for a Geometry, to
float32 rounding; `lowering` holds the rule which runs when, and measurements.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import xla_metadata

from art_jax.nn import geometry

# Patches of a band: 4 MiB, about what the caches of two cores hold.
BAND = 2**20
_FEWEST = 256  # outputs of a band: the sum is a pass over the whole kernel
# Of a product of patches with g the left factor is the narrower one; from this
# many values of a patch on it is worth turning it around before.
_DEEP = 256


def _taps(geo):
  return [(i, j) for i in range(geo.kernel[0]) for j in range(geo.kernel[1])]


def _patches(x, geo):
  """Return [N, h', w', h * w * I], the inputs below every output (im2col)."""
  pads = ((0, 0, 0), *((lo, hi, 0) for lo, hi in geo.padding), (0, 0, 0))
  x = lax.pad(x, jnp.zeros((), x.dtype), pads)
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


def forward_columns(x, w, geo):
  """One product of the patches of all outputs with the kernel."""
  return jnp.tensordot(_patches(x, geo), w.reshape(-1, w.shape[3]), 1)


def forward_rows(x, w, geo):
  """The taps of a row as outputs of one convolution, then shifted sums.

  For few outputs, of which XLA's own makes narrow products. Of stride 1.
  """
  (kh, kw, i, o), (oh, ow) = w.shape, geo.out
  w = w.transpose(0, 2, 1, 3).reshape(kh, 1, i, kw * o)
  width = geo.size[1] + sum(geo.padding[1])
  y = geometry.forward(x, w, geo).reshape(len(x), oh, width, kw, o)
  return sum(y[:, :, tap : tap + ow, tap] for tap in range(kw))


def _bands(x, geo):
  """Return (patches, count, rows): the outputs in bands.

  A band is some samples, or some rows of one, whose patches stay in the cache.
  patches(i) are those of band i, [outputs, h * w * I]; the last band of a
  sample may hang over its bottom by rows that are not wanted.
  """
  (kh, kw), (sh, _), (height, width) = geo.kernel, geo.stride, geo.out
  outputs = max(BAND // (kh * kw * x.shape[3]), _FEWEST)
  fit = max(outputs // width, 1)
  bands = -(-height // fit)  # of a sample
  if bands == 1:
    most = min(fit // height, x.shape[0])
    samples = max(n for n in range(1, most + 1) if x.shape[0] % n == 0)
    rows, part = height, geo
  else:
    samples, rows = 1, -(-height // bands)
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


@jax.jit
def _reversed(x):
  return x.T


def _apart(x):
  """Return x as memory that XLA:CPU fills before what uses it begins.

  A function that is not inlined is not fused with what makes its argument.
  """
  with xla_metadata.set_xla_metadata(inlineable='false'):
    return _reversed(x).T


def kernel_grad_apart(x, g, geo):
  """XLA's own, of an x that is there.

  It takes x with the samples last, and would compute what x is made by, such as
  the gradient of a norm, in that order: across the memory.
  """
  return geometry.kernel_grad(_apart(x), g, geo)


def kernel_grad_columns(x, g, geo):
  """One product of the patches of all outputs with g."""
  return jnp.tensordot(_patches(x, geo), g, ((0, 1, 2), (0, 1, 2))).reshape(
    *geo.kernel, x.shape[3], g.shape[3]
  )


def kernel_grad_bands(x, g, geo):
  """A product of patches with g for each band, added up."""
  patches, count, rows = _bands(x, geo)
  g = jnp.pad(g, ((0, 0), (0, rows - geo.out[0]), (0, 0), (0, 0)))
  g = g.reshape(count, -1, g.shape[3])
  shape = (*geo.kernel, x.shape[3], g.shape[2])
  depth = math.prod(shape[:3])
  narrow = depth < shape[3]

  def product(i):
    columns, outputs = patches(i), g[i]
    if depth >= _DEEP and not narrow:
      # XLA would take the factor as it lies in memory, and is half as fast.
      return lax.optimization_barrier(outputs.T) @ columns
    pair = (columns, outputs) if narrow else (outputs, columns)
    return jnp.tensordot(*pair, ((0,), (0,)))

  if count == 1:
    w_bar = product(0)
  else:
    w_bar = lax.fori_loop(
      0,
      count,
      lambda i, w: w + product(i),
      jnp.zeros_like(jax.eval_shape(product, 0)),
    )
  return (w_bar if narrow else w_bar.T).reshape(shape)


def kernel_grad_swapped(x, g, geo):
  """The patches of g instead of those of x, for fewer outputs than inputs.

  Of stride 1: w_bar[i] = sum over q of x[q] g[q + lo - i].
  """
  pads = tuple(
    (k - 1 - lo, k - 1 - hi)
    for k, (lo, hi) in zip(geo.kernel, geo.padding, strict=True)
  )
  w_bar = kernel_grad_bands(
    g, x, dataclasses.replace(geo, size=geo.out, padding=pads)
  )
  return jnp.swapaxes(w_bar[::-1, ::-1], 2, 3)


def _interleave(phase, geo):
  """Assemble the input gradient from its phases, `phase(row, column)`.

  The padded input coordinate s * q + r (q < Q, 0 <= r < s) only meets the taps
  r, r + s, r + 2s, ... of the kernel: s * s small convolutions of stride 1.
  """
  rows = [
    jnp.stack([phase(r, t) for t in range(geo.stride[1])], axis=3)
    for r in range(geo.stride[0])
  ]
  x = jnp.stack(rows, axis=2)  # [N, Q, s, Q', s', I]
  n, a, s, b, t, c = x.shape
  (top, _), (left, _) = geo.padding
  return x.reshape(n, a * s, b * t, c)[
    :, top : top + geo.size[0], left : left + geo.size[1]
  ]


def _counts(geo, axis):
  """Return Q, the number of padded input positions of each phase."""
  return -(-(geo.padding[axis][0] + geo.size[axis]) // geo.stride[axis])


def input_grad_phases(g, w, geo):
  """A small convolution for each phase of the stride."""

  def phase(r, t):
    part = w[r :: geo.stride[0], t :: geo.stride[1]]
    return lax.conv_general_dilated(
      g,
      jnp.swapaxes(part[::-1, ::-1], 2, 3),
      (1, 1),
      tuple(
        (k - 1, _counts(geo, axis) - geo.out[axis])
        for axis, k in enumerate(part.shape[:2])
      ),
      dimension_numbers=geometry.LAYOUT,
    )

  return _interleave(phase, geo)


def input_grad_blocks(g, w, geo):
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
  x = lax.conv_general_dilated(
    g, w, (1, 1), pads, dimension_numbers=geometry.LAYOUT
  )
  blocks = x.reshape(*x.shape[:3], s, t, i)
  return _interleave(lambda r, c: blocks[:, :, :, r, c], geo)


def _shifted_sums(products, geo):
  """Add up [N, h', w', I] of every tap where it belongs (col2im)."""
  zero = jnp.zeros((), products[0].dtype)

  def phase(r, t):
    total = 0
    for product, (i, j) in zip(products, _taps(geo), strict=True):
      if i % geo.stride[0] != r or j % geo.stride[1] != t:
        continue
      before = (i // geo.stride[0], j // geo.stride[1])
      pads = [
        (b, _counts(geo, axis) - geo.out[axis] - b, 0)
        for axis, b in enumerate(before)
      ]
      total += lax.pad(product, zero, ((0, 0, 0), *pads, (0, 0, 0)))
    return total

  return _interleave(phase, geo)


def input_grad_columns(g, w, geo):
  """One product to h * w * I channels, then shifted sums."""
  products = jnp.tensordot(g, w.reshape(-1, w.shape[3]), ((3,), (1,)))
  return _shifted_sums(jnp.split(products, len(_taps(geo)), 3), geo)


# Products with each tap of a large kernel where it lies in memory, for one that
# is turned: to turn it around would take longer than the few products.


def _turned(w):
  """Return [h * w, O, I], as it lies in memory."""
  return jnp.swapaxes(w, 2, 3).reshape(-1, w.shape[3], w.shape[2])


def _of_taps(x, geo):
  """Return the patches as [h * w, N * h' * w', I]."""
  taps = jnp.stack(jnp.split(_patches(x, geo), len(_taps(geo)), 3))
  return taps.reshape(len(taps), -1, x.shape[3])


def forward_taps(x, w, geo):
  """The sum of a product for each tap."""
  y = _of_taps(x, geo) @ jnp.swapaxes(_turned(w), 1, 2)
  return jnp.sum(y, 0).reshape(len(x), *geo.out, w.shape[3])


def kernel_grad_taps(x, g, geo):
  """A product for each tap, which has it as it lies in memory."""
  patches = _of_taps(x, geo)
  g = g.reshape(-1, g.shape[3])
  g = jnp.broadcast_to(g.T, (len(patches), *g.T.shape))
  # Without the barrier XLA would turn the product around as well.
  w_bar = jnp.swapaxes(lax.optimization_barrier(g @ patches), 1, 2)
  return w_bar.reshape(*geo.kernel, *w_bar.shape[1:])


def input_grad_taps(g, w, geo):
  """A product for each tap, then shifted sums."""
  w = _turned(w)
  shape = (len(g), *geo.out, w.shape[2])
  g = g.reshape(-1, g.shape[3])
  products = jnp.broadcast_to(g, (len(w), *g.shape)) @ w
  return _shifted_sums([x.reshape(shape) for x in products], geo)
