"""The history of fakes."""

import jax
import jax.numpy as jnp
import numpy as np

from art_jax.algorithms import image_pool


def _pictures(first, count):
  values = jnp.arange(first, first + count, dtype=jnp.float32)
  return jnp.broadcast_to(values[:, None, None, None], (count, 2, 2, 1))


def _ids(images):
  return np.asarray(images)[:, 0, 0, 0].tolist()


def test_fills_first_and_returns_what_came():
  pool = image_pool.create(6, _pictures(0, 1))
  pool, out = image_pool.query(pool, _pictures(1, 4), jax.random.key(0))
  assert _ids(out) == [1, 2, 3, 4]
  assert int(pool.size) == 4
  assert _ids(pool.images)[:4] == [1, 2, 3, 4]


def test_full_pool_swaps_about_half_and_loses_nothing():
  pool = image_pool.create(50, _pictures(0, 1))
  pool, _ = image_pool.query(pool, _pictures(0, 50), jax.random.key(0))
  query = jax.jit(image_pool.query)
  old = 0
  for i in range(40):
    new = _pictures(100 + 10 * i, 10)
    before = set(_ids(pool.images)) | set(_ids(new))
    pool, out = query(pool, new, jax.random.key(i))
    old += sum(x not in _ids(new) for x in _ids(out))
    assert set(_ids(pool.images)) | set(_ids(out)) == before
  assert 150 < old < 250  # 200 expected, standard deviation 10


def test_capacity_zero_is_the_identity():
  pool = image_pool.create(0, _pictures(0, 1))
  new = _pictures(1, 4)
  after, out = image_pool.query(pool, new, jax.random.key(0))
  np.testing.assert_array_equal(out, new)
  assert after is pool
