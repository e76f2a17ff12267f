"""Depthwise convolutions: one filter for each channel.

XLA:CPU runs a convolution of many groups 20 to 200 times slower than the sum
of shifted products that it is. Milliseconds of processor time (AVX-512, other
programs beside), jax 0.10.2, float32, batch 8, `lax.conv_general_dilated`
against `_taps`; the gradient is that of the input:

                      forward         and gradient
  32x32x32, 3x3        9.7   0.09       20    0.17
  32x32x96, 3x3 /2     9.9   0.13       54    0.27
  16x16x144, 5x5 /2    6.2   0.09       41    0.19
  8x8x240, 5x5          12   0.12       24    0.25
  4x4x672, 5x5          11   0.16       22    0.32
  64x64x96, 3x3 /2      69   1.02      280    3.01
  16x16x240, 5x5        37   0.48       74    1.02

Other platforms keep their own convolution.
"""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from art_jax.nn import geometry, lowering


class DepthwiseConv(nn.Module):
  """Filter each channel of [B, H, W, C] on its own; XLA's padding 'SAME'.

  Parameters: `kernel` f32[k, k, 1, C], PyTorch's [C, 1, k, k] transposed by (2,
  3, 1, 0); `bias` f32[C].

  Attributes:
    kernel_size: k.
    stride: of both axes.
    dtype: of the computation and the result.
  """

  kernel_size: int
  stride: int = 1
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Map [B, H, W, C] to [B, H / stride, W / stride, C]."""
    shape = (self.kernel_size, self.kernel_size, 1, x.shape[-1])
    w = self.param('kernel', nn.initializers.he_normal(), shape)
    b = self.param('bias', nn.initializers.zeros, shape[3:])
    w, b = w.astype(self.dtype), b.astype(self.dtype)
    return depthwise(x.astype(self.dtype), w, self.stride) + b


def depthwise(x: jax.Array, w: jax.Array, stride: int = 1) -> jax.Array:
  """Return [B, H', W', C]: channel c of x convolved with w[:, :, 0, c].

  Args:
    x: [B, H, W, C].
    w: [h, w, 1, C], same dtype as x.
    stride: of both axes; the padding is XLA's 'SAME'.
  """
  size, kernel, strides = x.shape[1:3], w.shape[:2], (stride, stride)
  padding = tuple(lax.padtype_to_pads(size, kernel, strides, 'SAME'))
  return _forward(
    x,
    w,
    geometry.Geometry(size, kernel, strides, padding, lowering.is_native()),
  )


def _native_input_grad(g, w, geo):
  x = jax.ShapeDtypeStruct((len(g), *geo.size, w.shape[3]), g.dtype)
  (x_bar,) = jax.linear_transpose(lambda x: geometry.forward(x, w, geo), x)(g)
  return x_bar


def _taps(x, w, stride):
  """Return the sum of shifted products; x [B, H, W, C] is padded already."""
  out = [
    (n - k) // s + 1
    for n, k, s in zip(x.shape[1:3], w.shape[:2], stride, strict=True)
  ]
  total = None
  for i in range(w.shape[0]):
    for j in range(w.shape[1]):
      ends = [
        start + (n - 1) * s + 1
        for start, n, s in zip((i, j), out, stride, strict=True)
      ]
      term = x[:, i : ends[0] : stride[0], j : ends[1] : stride[1]] * w[i, j, 0]
      total = term if total is None else total + term
  return total


def _pad(x, pads):
  return jnp.pad(x, ((0, 0), *pads, (0, 0)))


def _taps_forward(x, w, geo):
  return _taps(_pad(x, geo.padding), w, geo.stride)


def _taps_input_grad(g, w, geo):
  """Return the gradient in x, one phase of the stride after the other.

  Row a + s m of the padded x has g[m - t] w[a + s t], summed over t.
  """
  (s, _), phases = geo.stride, []
  length = [  # of a phase, enough for x and its padding
    -(-(n + sum(p)) // s) for n, p in zip(geo.size, geo.padding, strict=True)
  ]
  for a in range(s):
    for b in range(s):
      turned = w[a::s, b::s][::-1, ::-1]
      pads = [
        (k - 1, n - out)
        for k, n, out in zip(turned.shape[:2], length, geo.out, strict=True)
      ]
      phases.append(_taps(_pad(g, pads), turned, (1, 1)))
  if s == 1:
    x = phases[0]
  else:
    x = (
      jnp.stack(phases, 3)
      .reshape(len(g), *length, s, s, -1)
      .transpose(0, 1, 3, 2, 4, 5)
      .reshape(len(g), s * length[0], s * length[1], -1)
    )
  (top, _), (left, _) = geo.padding
  return x[:, top : top + geo.size[0], left : left + geo.size[1]]


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _forward(x, w, geo):
  return lowering.dispatch(
    geometry.forward, lambda *_: _taps_forward, x, w, geo
  )


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _input_grad(g, w, geo):
  return lowering.dispatch(
    _native_input_grad, lambda *_: _taps_input_grad, g, w, geo
  )


def _kernel_grad(x, g, geo):
  """Return the gradient in w; the kernels are frozen where speed matters."""
  w = jax.ShapeDtypeStruct((*geo.kernel, 1, x.shape[3]), x.dtype)
  (w_bar,) = jax.linear_transpose(lambda w: _taps_forward(x, w, geo), w)(g)
  return w_bar


_forward.defvjp(
  lambda x, w, geo: (_forward(x, w, geo), (x, w)),
  lambda geo, xw, g: (_input_grad(g, xw[1], geo), _kernel_grad(xw[0], g, geo)),
)
_input_grad.defvjp(
  lambda g, w, geo: (_input_grad(g, w, geo), (g, w)),
  lambda geo, gw, c: (_forward(c, gw[1], geo), _kernel_grad(c, gw[0], geo)),
)
