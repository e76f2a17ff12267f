"""Feature extractors: what is declared, and that each computes what it says."""

import jax
import numpy as np
import pytest

from art_jax import core
from art_jax.metrics import features, pixels32


def _pictures(*shape):
  return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def test_names():
  assert features.score_name('fid', 'inception-clean', 5000) == (
    'fid/inception-clean@5000'
  )
  with pytest.raises(core.UserError, match='vgg99.*one of pixels32'):
    features.get('vgg99')
  for name in features.NAMES:
    assert features.get(name).name == name


def test_pixels32_colours_are_averages():
  images = _pictures(2, 64, 96, 3)
  found = np.asarray(pixels32.features(images))
  assert found.shape == (2, features.get('pixels32').width)
  means = images.reshape(2, 32, 2, 32, 3, 3).mean(axis=(2, 4))
  np.testing.assert_allclose(found[:, :3072], means.reshape(2, -1), atol=1e-6)


@pytest.mark.parametrize('shape', [(1, 28, 28, 1), (1, 33, 50, 3)])
def test_pixels32_takes_any_size(shape):
  images = np.full(shape, 0.5, np.float32)
  found = np.asarray(pixels32.features(images))
  np.testing.assert_allclose(found[:, :3072], 0.5, atol=1e-6)
  np.testing.assert_allclose(found[:, 3072:], 0, atol=1e-6)


@pytest.mark.parametrize(
  'step, shares',
  [
    ((0, 1), {0: 1.0}),  # grows to the right: orientation 0
    ((1, 0), {4: 1.0}),  # downwards: pi / 2
    ((-1, 1), {6: 1.0}),  # -pi / 4 = 3 pi / 4
    # atan(1/2) = 0.46365 = 1.1807 bins of pi / 8
    ((1, 2), {1: 1 - 0.18070, 2: 0.18070}),
  ],
)
def test_pixels32_gradients_of_a_ramp(step, shares):
  rows, columns = np.mgrid[:16, :16]
  ramp = 0.01 * (step[0] * rows + step[1] * columns)
  images = np.repeat(ramp[None, ..., None], 3, axis=-1).astype(np.float32)
  found = np.asarray(pixels32.features(images))[:, 3072:].reshape(4, 4, 8)
  wanted = np.zeros(8)
  for bin_, share in shares.items():
    wanted[bin_] = pixels32.GRADIENT_WEIGHT * 0.01 * np.hypot(*step) * share
  np.testing.assert_allclose(found, np.tile(wanted, (4, 4, 1)), atol=1e-3)


def test_pixels32_rows_are_independent():
  images = _pictures(4, 20, 20, 3)
  together = jax.jit(pixels32.features)(images)
  alone = jax.jit(pixels32.features)(images[2:3])
  np.testing.assert_allclose(together[2:3], alone, atol=1e-5)
