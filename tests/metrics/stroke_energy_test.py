"""The power of fine strokes: known sines and numpy's own transform."""

import numpy as np
import pytest

from art_jax.metrics.stroke_energy import stroke_energy


@pytest.mark.parametrize(
  'period, share',
  [(4, 1), (5.12, 1), (16, 0), (64, 0)],
)
def test_a_sine_has_half_its_squared_amplitude(period, share):
  rows, _ = np.mgrid[:128, :256] / period
  images = np.repeat(0.6 * np.sin(2 * np.pi * rows)[None, ..., None], 3, -1)
  frequencies = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(256))
  wanted = share * 0.6**2 / 2 / (frequencies > 1 / 8).mean()
  result = stroke_energy(images.astype(np.float32))
  np.testing.assert_allclose(result, [wanted], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize('cutoff', [1 / 8, 1 / 4])
def test_noise_has_the_power_of_the_direct_transform(cutoff):
  images = np.random.default_rng(0).normal(0.2, 0.3, (2, 24, 40, 3))
  luma = images @ [0.299, 0.587, 0.114]
  row, column = np.arange(24), np.arange(40)
  window = np.outer(*(np.sin(np.pi * n / len(n)) ** 2 for n in (row, column)))
  waves = [np.exp(-2j * np.pi * np.outer(n, n) / len(n)) for n in (row, column)]
  power, count = 0, 0
  for i in row:
    for j in column:
      if np.hypot(min(i, 24 - i) / 24, min(j, 40 - j) / 40) > cutoff:
        wave = np.outer(waves[0][i], waves[1][j])
        centered = luma - luma.mean((1, 2), keepdims=True)
        power += abs((centered * window * wave).sum((1, 2))) ** 2
        count += 1
  np.testing.assert_allclose(
    stroke_energy(images.astype(np.float32), cutoff),
    power / count / (window**2).sum(),
    rtol=1e-4,
  )


def test_gray_pictures_and_bad_arguments():
  gray = np.random.default_rng(0).normal(size=(1, 16, 16, 1)).astype(np.float32)
  np.testing.assert_allclose(
    stroke_energy(gray), stroke_energy(np.repeat(gray, 3, -1)), rtol=1e-5
  )
  with pytest.raises(ValueError, match='sides are at least 8'):
    stroke_energy(gray[:, :7])
  with pytest.raises(ValueError, match='below 0.5'):
    stroke_energy(gray, 0.5)
