"""The nearest vectors: exact, projected, in blocks, against numpy."""

import jax
import numpy as np
import pytest

from art_jax.nn import nearest


def _vectors(seed, count, channels=24):
  return np.random.default_rng(seed).normal(size=(count, channels)).astype('f')


def _cosines(queries, rows, center):
  rows = rows - center
  rows /= np.linalg.norm(rows, axis=1, keepdims=True)
  return queries @ rows.T / np.linalg.norm(queries, axis=1, keepdims=True)


@pytest.mark.parametrize('chunk', [1, 7, 64])
@pytest.mark.parametrize('dims', [0, 24])
def test_it_is_numpys_whatever_the_blocks(chunk, dims):
  queries, rows = _vectors(0, 50), _vectors(1, 90) + 1
  center = rows.mean(0)
  bank = nearest.padded(nearest.bank(rows, center))
  assert bank.rows.shape == (1024, 24)
  if dims:
    basis = nearest.principal_basis(jax.random.key(0), bank, dims)
    np.testing.assert_allclose(basis.T @ basis, np.eye(dims), atol=1e-5)
    bank = nearest.projected(bank, basis)
  index, similarity = nearest.nearest(queries, bank, candidates=3, chunk=chunk)
  wanted = _cosines(queries, rows, center)
  np.testing.assert_array_equal(index, wanted.argmax(1))
  np.testing.assert_allclose(similarity, wanted.max(1), atol=1e-5)


def test_principal_directions_agree_more_than_random_ones():
  mixing = _vectors(2, 60, 60) * 0.8 ** np.arange(60)[:, None]
  queries, rows = (_vectors(i, 200, 60) @ mixing for i in (0, 1))
  bank, key = nearest.bank(rows), jax.random.key(0)
  wanted = _cosines(queries, rows, 0).argmax(1)
  agreement = [
    np.mean(
      nearest.nearest(queries, nearest.projected(bank, basis))[0] == wanted
    )
    for basis in (
      nearest.principal_basis(key, bank, 10),
      nearest.random_basis(key, 60, 10),
    )
  ]
  assert agreement[0] > 0.95 > agreement[1] + 0.2


def test_banks_of_few_rows_and_of_equal_ones():
  rows = np.ones((3, 8), 'f')
  bank = nearest.bank(rows, rows.mean(0))
  basis = nearest.principal_basis(jax.random.key(0), bank, 6)
  assert basis.shape == (8, 6)
  index, similarity = nearest.nearest(
    np.zeros((2, 8), 'f'), nearest.projected(bank, basis)
  )
  assert (index < 3).all() and np.isfinite(similarity).all()
