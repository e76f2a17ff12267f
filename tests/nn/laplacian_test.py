"""The pyramid: its inverse, sizes, and PyTorch's numbers."""

import jax
import numpy as np
import pytest

from art_jax.nn import laplacian
from art_jax.nn.canvas import PyramidCanvas


@pytest.mark.parametrize('shape', [(32, 40), (7, 5), (33, 47), (4, 4), (3, 9)])
def test_the_inverse_is_exact(shape):
  picture = np.random.default_rng(0).uniform(-1, 1, (2, *shape, 3)).astype('f')
  levels = laplacian.pyramid(picture, 5)
  assert levels[0].shape == picture.shape
  np.testing.assert_allclose(laplacian.collapse(levels), picture, atol=1e-6)
  output, variables = PyramidCanvas(5).init_with_output(
    jax.random.key(0), picture
  )
  assert len(variables['params']) == len(levels)
  np.testing.assert_allclose(output, picture, atol=1e-6)
