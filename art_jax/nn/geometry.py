"""The geometry of a strided convolution, and XLA's own maps of it."""

import dataclasses

import jax
from jax import lax

LAYOUT = ('NHWC', 'HWIO', 'NHWC')


@dataclasses.dataclass(frozen=True)
class Geometry:
  """The static part of a strided convolution; hashable."""

  size: tuple[int, ...]  # height and width of x
  kernel: tuple[int, ...]
  stride: tuple[int, ...]
  padding: tuple[tuple[int, ...], ...]
  native: bool
  turned: bool = False  # w is [h, w, O, I] in memory: a transposed convolution

  @property
  def out(self) -> tuple[int, ...]:
    """Height and width of y."""
    return tuple(
      (n + lo + hi - k) // s + 1
      for n, k, s, (lo, hi) in zip(
        self.size, self.kernel, self.stride, self.padding, strict=True
      )
    )


def forward(x, w, geo):
  """Return y [N, h', w', O] for x [N, H, W, I] and kernel w [h, w, I, O].

  A kernel with fewer channels than x, [h, w, I / n, O], convolves in n groups.
  """
  return lax.conv_general_dilated(
    x,
    w,
    geo.stride,
    geo.padding,
    dimension_numbers=LAYOUT,
    feature_group_count=x.shape[3] // w.shape[2],
  )


def input_grad(g, w, geo):
  """Return the gradient in x of the gradient g in y."""
  x = jax.ShapeDtypeStruct((g.shape[0], *geo.size, w.shape[2]), g.dtype)
  (x_bar,) = jax.linear_transpose(lambda x: forward(x, w, geo), x)(g)
  return x_bar


def kernel_grad(x, g, geo):
  """Return the gradient in w of the gradient g in y."""
  w = jax.ShapeDtypeStruct((*geo.kernel, x.shape[3], g.shape[3]), g.dtype)
  (w_bar,) = jax.linear_transpose(lambda w: forward(x, w, geo), w)(g)
  return w_bar
