"""Profiles of the moving average: weights by their formulas."""

import jax.numpy as jnp
import numpy as np
import pytest

from art_jax import core
from art_jax.algorithms import optim, trainable
from art_jax.algorithms.optim import HalfLife, PowerEMA
from art_jax.algorithms.stabilizers import Stabilizers
from art_jax.config import experiments


def _weights(decay, count):
  """Return how much each of `count` values counts in the average."""
  average, values = jnp.zeros(count), jnp.eye(count)
  for step, value in enumerate(values):
    average = trainable.ema(average, value, decay, jnp.int32(step))
  return np.asarray(average)


# Karras et al. 2024, arXiv:2312.02696, section 3.1.
@pytest.mark.parametrize('sigma, gamma', [(0.05, 16.97), (0.1, 6.94)])
def test_gamma_of_the_paper(sigma, gamma):
  assert PowerEMA(sigma_rel=sigma).gamma == pytest.approx(gamma, abs=0.01)


@pytest.mark.parametrize('sigma', [0.05, 0.1, 0.2, 0.28])
def test_power_ema_spans_a_share_of_the_run(sigma):
  """By eq. 1 the weights go as t^gamma: of this mean and deviation."""
  for count in (200, 400):
    weights = _weights(PowerEMA(sigma_rel=sigma), count)
    assert weights.sum() == pytest.approx(1, abs=1e-4)
    time = (np.arange(count) + 1) / count
    mean = np.sum(weights * time)
    gamma = PowerEMA(sigma_rel=sigma).gamma
    assert mean == pytest.approx((gamma + 1) / (gamma + 2), abs=0.01)
    deviation = np.sqrt(np.sum(weights * (time - mean) ** 2))
    assert deviation == pytest.approx(sigma, abs=0.01)


def test_half_life():
  """After the warm-up, a value counts half of one that is so much later."""
  decay = optim.decay_of(HalfLife(steps=20), jnp.int32(10_000))
  assert float(decay) ** 20 == pytest.approx(0.5, abs=1e-5)
  assert float(optim.decay_of(0.9, jnp.int32(0))) == pytest.approx(0.1)


@pytest.mark.parametrize(
  'make, match',
  [
    (lambda: PowerEMA(sigma_rel=0.0), 'sigma_rel=0.0.*pass 0.1'),
    (lambda: PowerEMA(sigma_rel=0.3), r'in \(0, 0.28\]'),
    (lambda: HalfLife(steps=0), 'steps=0.*> 0'),
    (lambda: Stabilizers(ema_decay=1.0), r'ema_decay=1.0.*PowerEMA'),
  ],
)
def test_bad_fields(make, match):
  with pytest.raises(core.UserError, match=match):
    make()


@pytest.mark.parametrize(
  'name, field',
  [
    ('projected_paintings64', 'algorithm.stabilizers.ema_decay'),
    ('dcgan_paintings', 'algorithm.stabilizers.ema_decay'),
    ('diffusion_mnist', 'algorithm.ema_decay'),
  ],
)
def test_every_average_takes_a_profile(name, field):
  tiny = experiments.load(name, tiny=True)
  for text in ('PowerEMA(sigma_rel=0.15)', 'HalfLife(steps=312.5)', '0.5'):
    changed = experiments.override(tiny, [f'{field}={text}'])
    assert experiments.differences(tiny, changed) != []
  assert hash(changed) == hash(changed)
  with pytest.raises(core.UserError, match='ema_decay'):
    experiments.override(tiny, [f'{field}="fast"'])
