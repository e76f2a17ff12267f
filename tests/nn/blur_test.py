"""Blurred halving and doubling: the kernels, borders, sizes, gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from art_jax.nn import blur


def _image(*shape):
  return np.random.default_rng(0).normal(size=shape).astype('float32')


@pytest.mark.parametrize('size', [(8, 6), (7, 8), (5, 9), (2, 3)])
def test_halve_is_the_blur_of_mirrored_pixels(size):
  x = _image(2, *size, 3)
  padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), 'reflect')
  wanted = sum(
    v * w * padded[:, i : i + size[0], j : j + size[1]]
    for i, v in enumerate((0.25, 0.5, 0.25))
    for j, w in enumerate((0.25, 0.5, 0.25))
  )[:, ::2, ::2]
  np.testing.assert_allclose(blur.halve(x), wanted, atol=1e-6)


@pytest.mark.parametrize('size', [(1, 1), (4, 3)])
def test_double_is_bilinear(size):
  x = _image(2, *size, 3)
  wanted = jax.image.resize(x, (2, 2 * size[0], 2 * size[1], 3), 'bilinear')
  np.testing.assert_allclose(blur.double(x), wanted, atol=1e-6)


@pytest.mark.parametrize('size', [(8, 6), (7, 2)])
def test_detail_is_what_the_blur_of_mirrored_pixels_takes_away(size):
  x = _image(2, *size, 3)
  blurred = x
  for axis in (1, 2):
    kernel = np.array([0.25, 0.5, 0.25], 'f4')
    blurred = ndimage.correlate1d(blurred, kernel, axis, mode='mirror')
  np.testing.assert_allclose(blur.detail(x), x - blurred, atol=1e-6)


@pytest.mark.parametrize('resample', [blur.halve, blur.double])
def test_a_constant_stays_and_the_gradient_keeps_the_sum(resample):
  y, pull = jax.vjp(resample, jnp.ones((1, 6, 8, 1)))
  np.testing.assert_allclose(y, 1, rtol=1e-6)
  (gradient,) = pull(y)
  np.testing.assert_allclose(gradient.sum(), y.size, rtol=1e-6)


def test_too_small():
  with pytest.raises(ValueError, match='1x4 is too small to be halved'):
    blur.halve(jnp.ones((1, 1, 4, 3)))
  with pytest.raises(ValueError, match='4x1 is too small to be blurred'):
    blur.detail(jnp.ones((1, 4, 1, 3)))
