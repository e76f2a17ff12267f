"""Dropout: how many values it keeps, and what the others become."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from art_jax.nn.dropout import Dropout


def _dropped(rate, shape=(8, 33, 31, 3), dtype='float32', seed=0):
  x = jnp.full(shape, 2.0, dtype)
  return Dropout(rate).apply({}, x, rngs={'dropout': jax.random.key(seed)})


@pytest.mark.parametrize('rate', [0.13, 0.25, 0.5])
def test_keeps_its_share_and_the_mean(rate):
  y = np.asarray(_dropped(rate))
  dropped = round(256 * rate) / 256
  assert set(np.unique(y)) == {0.0, np.float32(2 / (1 - dropped))}
  deviation = (dropped * (1 - dropped) / y.size) ** 0.5
  assert abs((y == 0).mean() - dropped) < 4 * deviation
  # No pattern: neighbours, which share a number, are independent.
  off = (y == 0).reshape(len(y), -1)
  pairs = (off[:, :-1] & off[:, 1:]).mean()
  assert abs(pairs - dropped**2) < 6 * deviation


def test_other_draws_and_dtypes():
  assert (_dropped(0.5) != _dropped(0.5, seed=1)).any()
  assert _dropped(0.5, dtype='bfloat16').dtype == jnp.bfloat16
  assert _dropped(0.3, shape=(5, 3)).shape == (5, 3)


def test_leaves_alone_what_it_should():
  x = jnp.ones((2, 3))
  assert Dropout(0.5).apply({}, x, False) is x
  assert Dropout(0.0).apply({}, x) is x


@pytest.mark.parametrize('rate', [-0.1, 1.0, 5.0, float('inf'), float('nan')])
def test_a_rate_is_a_share(rate):
  with pytest.raises(ValueError, match='dropout = .*in .0, 1'):
    _dropped(rate)
