"""Metrics of pictures themselves: numbers of others, and known truths."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from art_jax.metrics import appearance, perceptual_path_length, ssim
from art_jax.metrics.checkerboard import checkerboard_energy


@pytest.fixture(scope='module')
def pairs():
  rng = np.random.default_rng(5)
  y, x = np.mgrid[:180, :192] / 180
  base = [np.sin(9 * x + k) * np.cos(7 * y * (k + 1)) for k in range(3)]
  first = 0.7 * np.stack(base, -1) + 0.1 * rng.standard_normal((2, 180, 192, 3))
  noise = np.asarray([0.05, 0.25])[:, None, None, None]
  second = 0.9 * first + noise * rng.standard_normal((2, 180, 192, 3))
  return tuple(
    np.clip(images, -1, 1).astype(np.float32) for images in (first, second)
  )


def test_psnr_and_ssim_are_those_of_scikit_image(pairs):
  # scikit-image 0.26.0, data_range=2; structural_similarity with channel_axis,
  # gaussian_weights, sigma=1.5, use_sample_covariance=False.
  np.testing.assert_allclose(
    ssim.psnr(*pairs), [30.16718406173993, 18.056257078544082], rtol=1e-6
  )
  np.testing.assert_allclose(
    ssim.ssim(*pairs), [0.8881936466785049, 0.25880686580693424], rtol=1e-5
  )


@pytest.mark.slow
def test_ms_ssim_is_that_of_pytorch_msssim(pairs):
  # pytorch-msssim 1.0.0 in float64, data_range=2, on the upper 176 rows;
  # tf.image.ssim_multiscale gives [0.98063976, 0.7849729].
  result = ssim.ms_ssim(*(x[:, :176] for x in pairs))
  np.testing.assert_allclose(result, [0.98063986, 0.78497322], rtol=1e-5)
  with pytest.raises(ValueError, match='176 pixels'):
    ssim.ms_ssim(*(x[:, :175] for x in pairs))


def test_colorfulness_by_hand():
  # Left half red, right half gray, in 0..255: rg = 255, 0; yb = 127.5, 0.
  images = np.zeros((1, 4, 4, 3), np.float32)
  images[:, :, :2] = [1, -1, -1]
  spread = np.sqrt(127.5**2 + 63.75**2)
  shift = np.sqrt(127.5**2 + 63.75**2)
  result = appearance.colorfulness(images)
  np.testing.assert_allclose(result, [spread + 0.3 * shift], rtol=1e-6)
  np.testing.assert_allclose(appearance.colorfulness(images[..., :1]), [0.0])


def test_sharpness_by_hand():
  # A checkerboard of +-a has the Laplacian +-8a; a slope has none.
  rows, columns = np.mgrid[:10, :10]
  board = 0.1 * (-1.0) ** (rows + columns)
  images = np.stack([board, 0.1 * columns - 0.5])[..., None]
  result = appearance.sharpness(np.repeat(images, 3, -1).astype(np.float32))
  np.testing.assert_allclose(
    result, [(8 * 12.75) ** 2, 0], rtol=1e-4, atol=1e-6
  )


def _soft_noise(count, size=64):
  """Return pictures with the falling spectrum of natural ones."""
  rng = np.random.default_rng(0)
  frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size))
  noise = np.fft.fft2(rng.standard_normal((count, size, size)))
  images = np.fft.ifft2(noise / (frequency + 1 / size)).real
  return (0.3 * images / images.std())[..., None].astype(np.float32)


@pytest.mark.parametrize(
  'grid',
  [
    lambda y, x: (-1.0) ** (x + y),
    lambda y, x: (-1.0) ** x,
    lambda y, x: np.cos(np.pi * y / 2),
  ],
)
def test_checkerboards_stand_out(grid):
  images = _soft_noise(16)
  rows, columns = np.mgrid[:64, :64]
  pattern = grid(rows, columns)[..., None].astype(np.float32)
  clean = float(checkerboard_energy(images))
  # Of 5 % of each pixel's brightness (0..2), and 2.5 % of the range on all.
  times = float(checkerboard_energy((images + 1) * (1 + 0.05 * pattern) - 1))
  plus = float(checkerboard_energy(images + 0.05 * pattern))
  assert clean < 1.5
  assert times > 2 * clean and plus > 2 * clean


def test_checkerboard_needs_pixels():
  with pytest.raises(ValueError, match='32 pixels'):
    checkerboard_energy(np.zeros((1, 24, 64, 3), np.float32))
  assert float(checkerboard_energy(np.ones((2, 33, 47, 3)))) == 1


def _lengths(generate, spherical, start, end, t):
  return perceptual_path_length.path_lengths(
    generate,
    lambda x, y: jnp.square(x - y).sum(axis=1),
    *(start, end, t),
    spherical=spherical,
    epsilon=1e-2,
  )


def test_path_length_of_a_linear_generator():
  # Straight: |A (b - a)|^2 at every t.
  keys = jax.random.split(jax.random.key(0), 3)
  start, end = jax.random.normal(keys[0], (2, 5, 4))
  matrix = jax.random.normal(keys[1], (4, 6))
  t = jax.random.uniform(keys[2], (5,))
  result = _lengths(lambda z: z @ matrix, False, start, end, t)
  wanted = jnp.square((end - start) @ matrix).sum(axis=1)
  np.testing.assert_allclose(result, wanted, rtol=1e-3)


def test_path_length_on_an_arc():
  # Latents of length 2 at a right angle: the arc is pi / 2 * 2 long, and
  # (2 sin(angle eps / 2) * 2 / eps)^2 is what a chord gives of it.
  start = jnp.asarray([[2.0, 0.0, 0.0]])
  end = jnp.asarray([[0.0, 2.0, 0.0]])
  result = _lengths(lambda z: z, True, start, end, jnp.asarray([0.3]))
  np.testing.assert_allclose(result, [np.pi**2], rtol=1e-3)
  # The latents of a diffusion model are pictures themselves: one arc too.
  noise = [x.reshape(1, 1, 3, 1) for x in (start, end)]
  flat = _lengths(lambda z: z.reshape(1, -1), True, *noise, jnp.asarray([0.3]))
  np.testing.assert_allclose(flat, result)
