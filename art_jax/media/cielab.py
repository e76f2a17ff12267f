"""CIE L*a*b* of sRGB pictures: numbers in which distances look alike."""

import jax
import jax.numpy as jnp
import numpy as np

LUMA = (0.299, 0.587, 0.114)  # of red, green, blue; ITU-R BT.601
# IEC 61966-2-1: linear sRGB to XYZ under D65, each row over its white point.
_RGB_TO_XYZ = np.array(
  [
    [0.4124564, 0.3575761, 0.1804375],
    [0.2126729, 0.7151522, 0.0721750],
    [0.0193339, 0.1191920, 0.9503041],
  ]
)
_RGB_TO_XYZ /= _RGB_TO_XYZ.sum(axis=1, keepdims=True)


def rgb_to_lab(images: jax.Array) -> jax.Array:
  """Return L* in [0, 100] and a*, b* in about [-110, 100] of every pixel.

  L = 116 f(Y) - 16, a = 500 (f(X) - f(Y)), b = 200 (f(Y) - f(Z)), where
  f(t) = t^(1/3) above (6/29)^3 and linear below.

  Args:
    images: f32[..., 3], sRGB in [-1, 1]; [..., 1] is gray.

  Returns:
    f32[..., 3].

  Reference: CIE 15:2004, 8.2.1.1.
  """
  rgb = jnp.clip((images + 1) / 2, 0, 1)
  rgb = jnp.broadcast_to(rgb, (*rgb.shape[:-1], 3))
  linear = jnp.where(
    rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4
  )
  xyz = jnp.einsum('...c,xc->...x', linear, jnp.float32(_RGB_TO_XYZ))
  limit = 6 / 29
  f = jnp.where(
    xyz > limit**3,
    jnp.cbrt(jnp.maximum(xyz, limit**3)),
    xyz / (3 * limit**2) + 4 / 29,
  )
  x, y, z = f[..., 0], f[..., 1], f[..., 2]
  return jnp.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)
